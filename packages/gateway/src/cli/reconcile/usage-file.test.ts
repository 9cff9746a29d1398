import { describe, expect, test } from 'bun:test';
import { readColumns } from './usage-columns.ts';
import { type ExportedLine, mergedLines, type ReadUsage, readUsageFile, scaledDecimal } from './usage-file.ts';

const plain: ReadUsage = { columns: undefined, where: [], isByDay: false };
const read = (content: unknown, options: Partial<ReadUsage> = {}) =>
  readUsageFile('export', typeof content === 'string' ? content : JSON.stringify(content), { ...plain, ...options });
const day = Date.UTC(2026, 10, 1) / 1_000;
const line = (date: string, model: string | undefined, figures: Record<string, bigint>): ExportedLine => ({
  date,
  model,
  figures,
});

describe('OpenAI', () => {
  const bucket = (start: number, results: unknown[]) => ({
    object: 'bucket',
    start_time: start,
    end_time: start + 86_400,
    results,
  });
  const page = (...data: unknown[]) => ({ object: 'page', data, has_more: false, next_page: null });
  const used = (model: string | null, more = {}) => ({
    object: 'organization.usage.completions.result',
    input_tokens: 1_000,
    input_cached_tokens: 800,
    output_tokens: 50,
    num_model_requests: 5,
    api_key_id: 'key_1',
    model,
    ...more,
  });

  test('usage, as the API answers it, in one page, several, or a line each', () => {
    const figures = { inputTokens: 1_000n, outputTokens: 50n, cacheReadTokens: 800n };
    const pages = [
      page(bucket(day, [used('gpt-4o')]), bucket(day + 86_400, [])),
      page(bucket(day + 2 * 86_400, [used('o3')])),
    ];
    for (const content of [pages, pages.map((each) => JSON.stringify(each)).join('\n')]) {
      const { lines, figures: known, name } = read(content);
      expect(lines).toEqual([line('2026-11-01', 'gpt-4o', figures), line('2026-11-03', 'o3', figures)]);
      expect([known, name]).toEqual([['inputTokens', 'outputTokens', 'cacheReadTokens'], 'usage of OpenAI']);
    }
    expect(read(page(bucket(day, [used(null)]))).lines).toEqual([line('2026-11-01', undefined, figures)]);
    const withWrites = read(page(bucket(day, [used('a', { input_cache_write_tokens: 7 }), used('b')])));
    expect(withWrites.lines.map((each) => each.figures.cacheWriteTokens)).toEqual([7n, undefined]);
  });

  test('only what one key used', () => {
    const content = page(bucket(day, [used('a'), used('b', { api_key_id: 'key_2' })]));
    const { lines } = read(content, { where: [{ column: 'api_key_id', value: 'key_2' }] });
    expect(lines.map(({ model }) => model)).toEqual(['b']);
    expect(() => read(content, { where: [{ column: 'key', value: 'x' }] })).toThrow('no column "key"');
  });

  test('costs by line item, and those of days as a whole', () => {
    const cost = (value: number | string, item: string | null, currency = 'usd') => ({
      object: 'organization.costs.result',
      amount: { value, currency },
      line_item: item,
    });
    const { lines } = read(
      page(
        bucket(day, [
          cost(0.06, 'gpt-4o-2024-08-06, input'),
          cost('1e-9', 'gpt-4o-2024-08-06, output'),
          cost(2, 'Web search'),
        ]),
      ),
    );
    expect(lines).toEqual([
      line('2026-11-01', 'gpt-4o-2024-08-06', { cost: 60_000_000n }),
      line('2026-11-01', 'gpt-4o-2024-08-06', { cost: 1n }),
      line('2026-11-01', 'Web search', { cost: 2_000_000_000n }),
    ]);
    expect(read(page(bucket(day, [cost(0.5, null)]))).lines).toEqual([
      line('2026-11-01', undefined, { cost: 500_000_000n }),
    ]);
    expect(() => read(page(bucket(day, [cost(1, null, 'eur')])))).toThrow('eur');
  });

  test('the CSV of the dashboard', () => {
    const usage =
      '\uFEFFstart_time,end_time,start_time_iso,end_time_iso,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens\r\n' +
      `${day},${day + 86_400},2026-11-01T00:00:00+00:00,2026-11-02T00:00:00+00:00,2,"gpt-4o-2024-08-06",10,5,3\r\n` +
      `${day + 86_400},${day + 2 * 86_400},2026-11-02T00:00:00+00:00,2026-11-03T00:00:00+00:00,,,,,\r\n`;
    expect(read(usage).lines).toEqual([
      line('2026-11-01', 'gpt-4o-2024-08-06', { inputTokens: 10n, outputTokens: 5n, cacheReadTokens: 3n }),
    ]);
    const costs =
      'start_time_iso,end_time_iso,amount_value,amount_currency,line_item\n' +
      '2026-11-01T00:00:00,2026-11-02T00:00:00,0.003835980500000000000000000000,usd,"gpt-4o-mini, input"\n';
    expect(read(costs).lines).toEqual([line('2026-11-01', 'gpt-4o-mini', { cost: 3_835_981n })]);
  });

  test('a page that others follow is told, not taken for all', () => {
    expect(() => read({ ...page(), has_more: true })).toThrow('has_more');
  });
});

describe('Anthropic', () => {
  test('usage, as the API answers it: input is cached and uncached', () => {
    const content = {
      data: [
        {
          starting_at: '2026-11-01T00:00:00Z',
          ending_at: '2026-11-02T00:00:00Z',
          results: [
            {
              uncached_input_tokens: 100,
              cache_creation: { ephemeral_1h_input_tokens: 20, ephemeral_5m_input_tokens: 3 },
              cache_read_input_tokens: 4_000,
              output_tokens: 50,
              server_tool_use: { web_search_requests: 1 },
              model: 'claude-haiku-4-5-20251001',
            },
          ],
        },
      ],
      has_more: false,
      next_page: null,
    };
    expect(read(content).lines).toEqual([
      line('2026-11-01', 'claude-haiku-4-5-20251001', {
        inputTokens: 4_123n,
        outputTokens: 50n,
        cacheReadTokens: 4_000n,
        cacheWriteTokens: 23n,
      }),
    ]);
  });

  test('costs are in cents; what is not of a model stands under its own name', () => {
    const item = (amount: string, model: string | null, type: string | null) => ({
      amount,
      currency: 'USD',
      model,
      cost_type: type,
    });
    const content = (...results: unknown[]) => ({
      data: [{ starting_at: '2026-11-01T00:00:00Z', results }],
      has_more: false,
    });
    expect(read(content(item('123.45', 'claude-x', 'tokens'), item('1', null, 'web_search'))).lines).toEqual([
      line('2026-11-01', 'claude-x', { cost: 1_234_500_000n }),
      line('2026-11-01', 'web_search', { cost: 10_000_000n }),
    ]);
    expect(read(content(item('1', null, null))).lines).toEqual([line('2026-11-01', undefined, { cost: 10_000_000n })]);
  });

  test('the CSV of the console, of usage and of cost', () => {
    const usage =
      'usage_date_utc,model_version,api_key,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,' +
      'usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count\n' +
      '2026-11-01,claude-opus-5,"Team, one",46981,15969,1,2,16932,0\n';
    expect(read(usage).lines).toEqual([
      line('2026-11-01', 'claude-opus-5', {
        inputTokens: 62_953n,
        outputTokens: 16_932n,
        cacheReadTokens: 2n,
        cacheWriteTokens: 15_970n,
      }),
    ]);
    const costs =
      'usage_date_utc,model,workspace,token_type,cost_usd,list_price_usd,cost_type\n' +
      '2026-11-01,Claude Haiku 4.5,Default,output,0.03,0.03,token\n2026-11-01,,Default,,0.5,0.5,web_search\n';
    expect(read(costs).lines).toEqual([
      line('2026-11-01', 'Claude Haiku 4.5', { cost: 30_000_000n }),
      line('2026-11-01', 'web_search', { cost: 500_000_000n }),
    ]);
  });
});

describe('any other export', () => {
  const columns = readColumns('date=Day, model=Name, input=In+Cached, cache-read=Cached, cost=Paid');

  test('is read by the columns given', () => {
    const csv = 'Day;Name;In;Cached;Paid\n2026/11/01;m;10;5;$1.5\n2026-11-02T23:30:00-02:00;m;1;0;-0,5\n'.replace(
      '-0,5',
      '-0.5',
    );
    expect(read(csv, { columns }).lines).toEqual([
      line('2026-11-01', 'm', { inputTokens: 15n, cacheReadTokens: 5n, cost: 1_500_000_000n }),
      line('2026-11-03', 'm', { inputTokens: 1n, cacheReadTokens: 0n, cost: -500_000_000n }),
    ]);
    const json = [{ Day: '2026-11-01', Name: 'm', In: 1, Cached: 0, Paid: 0.1 }];
    expect(read(json, { columns, isByDay: true }).lines.map(({ model }) => model)).toEqual([undefined]);
  });

  test('is refused with what is wrong with it', () => {
    for (const [content, options, says] of [
      ['Day,Cost\n2026-11-01,1\n', {}, 'It has: Day, Cost'],
      ['Day,Name,In,Cached\n', { columns }, 'no column'],
      ['Day,Name,In,Cached,Paid\n2026-13-01,m,1,1,1\n', { columns }, 'Day is no date: "2026-13-01"'],
      ['Day,Name,In,Cached,Paid\n2026-11-01,m,many,1,1\n', { columns }, 'In is no count of tokens: "many"'],
      ['Day,Name,In,Cached,Paid\n2026-11-01,m,1,1,free\n', { columns }, 'Paid is no amount: "free"'],
      ['Day,Name,In,Cached,Paid\n,m,1,1,1\n', { columns }, 'without a date'],
      ['{"a": ', {}, 'no JSON'],
      ['[1]', {}, 'no list of objects'],
    ] as const) {
      expect(() => read(content, options)).toThrow(says);
    }
    for (const [text, says] of [
      ['model=M', 'no date'],
      ['date=D', 'no figure'],
      ['date=D,price=P', 'price=P'],
    ] as const) {
      expect(() => readColumns(text)).toThrow(says);
    }
  });
});

test('amounts are rounded to nano-dollars, halves away from zero', () => {
  for (const [text, nano] of [
    ['0.0000000005', 1n],
    ['0.00000000049', 0n],
    ['-0.0000000005', -1n],
    ['1.5e-9', 2n],
    ['12', 12_000_000_000n],
    ['x', undefined],
    ['', undefined],
  ] as const) {
    expect([text, scaledDecimal(text, 9)]).toEqual([text, nano]);
  }
});

test('files are taken together by day and model', () => {
  const figures = (more: Record<string, bigint>) => line('2026-11-01', 'm', more);
  const exported = (...lines: ExportedLine[]) => ({ name: 'x', lines, figures: [] });
  expect(
    mergedLines([exported(figures({ inputTokens: 1n })), exported(figures({ cost: 1n }), figures({ cost: 2n }))]),
  ).toEqual([{ date: '2026-11-01', model: 'm', inputTokens: 1, cost: '0.000000003' }]);
});
