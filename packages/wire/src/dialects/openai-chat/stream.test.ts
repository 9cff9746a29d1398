import { describe, expect, test } from 'bun:test';
import { differences } from '../../json/equal.ts';
import { folded, read, write } from './stream.test-support.ts';
import { kinds } from './stream-kinds.test-support.ts';

describe('a stream comes back as it was', () => {
  for (const [name, text] of Object.entries(kinds)) {
    test(name, () => {
      const events = read(text);
      const again = write(events);
      expect(differences(folded(events), folded(read(again.text)))).toEqual([]);
      expect(again.losses).toEqual([]);
      expect(again.text.endsWith('data: [DONE]\n\n')).toBe(true);
    });
  }
});
