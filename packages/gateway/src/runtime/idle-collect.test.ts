import { expect, test } from 'bun:test';
import { IdleCollect, type IdleProbe } from './idle-collect.ts';

const MB = 1024 * 1024;

function world() {
  const state = { bytes: 60 * MB, cpuUs: 1_000_000, isBusy: false, collections: 0, bytesInUse: 75 * MB };
  const probe: IdleProbe = {
    residentBytes: () => state.bytes,
    cpuUs: () => state.cpuUs,
    collect: () => {
      state.collections += 1;
      state.bytes = state.bytesInUse;
      state.cpuUs += 50_000;
    },
  };
  return { state, collect: new IdleCollect(() => state.isBusy, probe) };
}

test('memory that grew is given back once the process rests, and then left alone', () => {
  const { state, collect } = world();
  state.bytes = 350 * MB;
  state.cpuUs += 900_000;
  collect.look();
  expect(state.collections).toBe(0);
  collect.look();
  expect(state.collections).toBe(1);
  for (let n = 0; n < 5; n++) collect.look();
  expect(state.collections).toBe(1);
  state.bytes += 100 * MB;
  collect.look();
  expect(state.collections).toBe(2);
  collect.stop();
});

test('nothing is collected while an exchange is under way, or for a little', () => {
  const { state, collect } = world();
  state.bytes += 20 * MB;
  collect.look();
  state.bytes += 200 * MB;
  state.isBusy = true;
  collect.look();
  expect(state.collections).toBe(0);
  state.isBusy = false;
  collect.look();
  expect(state.collections).toBe(1);
  collect.stop();
});
