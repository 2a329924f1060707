import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_PX, GAP_PX, layoutFor, rowsInView, step } from './wall.ts';

test('cells have their own size in whole columns, and one fills a phone', () => {
  for (const width of [500, 800, 1576, 2500]) {
    const { columns, cell, gap, left } = layoutFor(width);
    assert.equal(cell, CELL_PX);
    const used = 2 * left + columns * cell + (columns - 1) * gap;
    assert.ok(used <= width && gap >= GAP_PX - 1, `${width}`);
    assert.ok(width - columns * cell < cell + (columns + 1) * GAP_PX, `${width}: another column would fit`);
  }
  assert.deepEqual([layoutFor(374).columns, layoutFor(374).cell], [1, 374]);
  assert.equal(layoutFor(1576).columns, 6);
});

test('of three thousand takes only the rows on screen exist', () => {
  const layout = layoutFor(1576);
  const [first, end] = rowsInView(layout, 250 * layout.row, 880, 3000);
  assert.equal(first, 249);
  assert.ok(end - first <= 10);
  assert.deepEqual(rowsInView(layout, 0, 880, 3)[1], 1);
  assert.deepEqual(rowsInView(layout, 1e9, 880, 3000)[1], 500);
  assert.deepEqual(rowsInView(layout, 0, 880, 0), [0, 0]);
});

test('the cursor stays inside, whatever key', () => {
  const layout = layoutFor(1576);
  for (const key of ['next', 'previous', 'up', 'down', 'home', 'end', 'pageup', 'pagedown']) {
    for (const at of [0, 5, 6, 2996, 2999]) {
      const to = step(at, key, layout, 6, 3000);
      assert.ok(to >= 0 && to < 3000, `${key} from ${at}`);
    }
  }
  assert.equal(step(7, 'down', layout, 6, 3000), 13);
  assert.equal(step(2, 'up', layout, 6, 3000), 2, 'no row above: stay in the column');
  assert.equal(step(0, 'end', layout, 6, 3000), 2999);
});
