import { expect, test } from 'bun:test';
import { catalogueModels } from '../catalog/catalogue.ts';
import { joinSegment } from './join-segment.ts';
import { providerTable, sandboxAt } from './table.ts';

test('every provider has a name of its own, an address without a trailing slash, and a way to become available', () => {
  const ids = providerTable.map((provider) => provider.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const provider of providerTable) {
    expect(provider.id).toMatch(/^[a-z][a-z0-9]*$/);
    expect(provider.baseUrl).toMatch(/^https?:\/\/[^\s]+[^/]$/);
    expect(provider.envKeys.length + (provider.envBaseUrl?.names.length ?? 0)).toBeGreaterThan(0);
    if (provider.keyOptional !== true) expect(provider.baseUrl).toStartWith('https://');
  }
});

test('no variable makes two providers available', () => {
  const names = providerTable.flatMap((provider) => [...provider.envKeys, ...(provider.envBaseUrl?.names ?? [])]);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('a provider has prices in the catalogue unless it is said to have none', () => {
  const without = providerTable.filter(
    ({ id, catalogueId }) => catalogueId !== null && catalogueModels(catalogueId ?? id).length === 0,
  );
  expect(without.map((provider) => provider.id)).toEqual([]);
});

test('joins the version segment once', () => {
  expect(joinSegment('http://a/', '/v1')).toBe('http://a/v1');
  expect(joinSegment('http://a/v1/', '/v1')).toBe('http://a/v1');
  expect(sandboxAt('http://127.0.0.1:9').baseUrl).toBe('http://127.0.0.1:9/v1');
});
