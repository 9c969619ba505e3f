/** A binary heap of numbered items by float64 key, over typed arrays; each item is in it at most once. */

export interface Heap {
  size: number
  /** By place in the heap. */
  item: Int32Array
  key: Float64Array
  /** By item: its place, or -1. */
  place: Int32Array
}

export function createHeap(items: number): Heap {
  return {
    size: 0,
    item: new Int32Array(items),
    key: new Float64Array(items),
    place: new Int32Array(items).fill(-1),
  }
}

export function clearHeap(heap: Heap): void {
  heap.place.fill(-1)
  heap.size = 0
}

/** Adds `item`, or moves it forward when it is there with a greater key. */
export function offer(heap: Heap, item: number, key: number): void {
  const place = heap.place[item] ?? -1
  rise(heap, place < 0 ? heap.size++ : place, item, key)
}

/** The item with the least key, taken out; -1 when there is none. Among equal keys any. */
export function takeLeast(heap: Heap): number {
  if (heap.size === 0) return -1
  const least = heap.item[0] ?? -1
  heap.place[least] = -1
  heap.size -= 1
  if (heap.size > 0) sink(heap, heap.item[heap.size] ?? -1, heap.key[heap.size] ?? 0)
  return least
}

function rise(heap: Heap, from: number, item: number, key: number): void {
  const { item: items, key: keys, place } = heap
  let at = from
  while (at > 0) {
    const above = (at - 1) >> 1
    const aboveKey = keys[above] ?? 0
    if (aboveKey <= key) break
    const moved = items[above] ?? 0
    items[at] = moved
    keys[at] = aboveKey
    place[moved] = at
    at = above
  }
  items[at] = item
  keys[at] = key
  place[item] = at
}

function sink(heap: Heap, item: number, key: number): void {
  const { size, item: items, key: keys, place } = heap
  let at = 0
  for (let below = 1; below < size; below = 2 * at + 1) {
    if (below + 1 < size && (keys[below + 1] ?? 0) < (keys[below] ?? 0)) below += 1
    const belowKey = keys[below] ?? 0
    if (belowKey >= key) break
    const moved = items[below] ?? 0
    items[at] = moved
    keys[at] = belowKey
    place[moved] = at
    at = below
  }
  items[at] = item
  keys[at] = key
  place[item] = at
}
