/**
 * Which directed edges lead into each node: one block of a shared pool per node, so that a search reads them in a row.
 * Adding moves a full block to the end of the pool with twice the room; removing puts the last entry in the gap; the
 * pool is packed when it is full.
 */

export interface Adjacency {
  /** Per node: where its block begins, its entries, its room. */
  start: Int32Array
  count: Int32Array
  room: Int32Array
  /** Per entry: the directed edge, and the node it comes from. */
  edge: Int32Array
  from: Int32Array
  /** Per directed edge: its place within the block of the node it leads to. */
  place: Int32Array
  /** Entries of the pool given to blocks, abandoned ones included. */
  used: number
  /** Entries in blocks that were abandoned. */
  idle: number
}

export function createAdjacency(nodes: number, edges: number): Adjacency {
  return {
    start: new Int32Array(nodes),
    count: new Int32Array(nodes),
    room: new Int32Array(nodes),
    edge: new Int32Array(2 * edges),
    from: new Int32Array(2 * edges),
    place: new Int32Array(edges),
    used: 0,
    idle: 0,
  }
}

export function growNodes(to: Adjacency, nodes: number): void {
  to.start = grownInt32(to.start, nodes)
  to.count = grownInt32(to.count, nodes)
  to.room = grownInt32(to.room, nodes)
}

export function growEdges(to: Adjacency, edges: number): void {
  to.place = grownInt32(to.place, edges)
}

/** Adds `edge`, which comes from `from`, to those that lead into `node`. */
export function link(to: Adjacency, node: number, edge: number, from: number): void {
  const count = to.count[node] ?? 0
  if (count === (to.room[node] ?? 0)) moveBlock(to, node, Math.max(2, 2 * count))
  const at = (to.start[node] ?? 0) + count
  to.edge[at] = edge
  to.from[at] = from
  to.place[edge] = count
  to.count[node] = count + 1
}

/** Removes `edge` from those that lead into `node`. */
export function unlink(to: Adjacency, node: number, edge: number): void {
  const start = to.start[node] ?? 0
  const last = (to.count[node] ?? 0) - 1
  const place = to.place[edge] ?? 0
  const moved = to.edge[start + last] ?? 0
  to.edge[start + place] = moved
  to.from[start + place] = to.from[start + last] ?? 0
  to.place[moved] = place
  to.count[node] = last
}

function moveBlock(to: Adjacency, node: number, room: number): void {
  to.idle += to.room[node] ?? 0
  if (to.used + room > to.edge.length) makeRoom(to, node, room)
  const start = to.start[node] ?? 0
  const end = start + (to.count[node] ?? 0)
  to.edge.copyWithin(to.used, start, end)
  to.from.copyWithin(to.used, start, end)
  to.start[node] = to.used
  to.room[node] = room
  to.used += room
}

/** Packs the pool, and doubles it where what lives would fill more than half. The room of `leaving` is idle already. */
function makeRoom(to: Adjacency, leaving: number, room: number): void {
  const live = to.used - to.idle + (to.room[leaving] ?? 0) + room
  const length = Math.max(to.edge.length, 2 * live)
  const edge = new Int32Array(length)
  const from = new Int32Array(length)
  let used = 0
  for (let node = 0; node < to.start.length; node += 1) {
    const start = to.start[node] ?? 0
    const count = to.count[node] ?? 0
    edge.set(to.edge.subarray(start, start + count), used)
    from.set(to.from.subarray(start, start + count), used)
    to.start[node] = used
    if (node === leaving) to.room[node] = count
    used += to.room[node] ?? 0
  }
  to.edge = edge
  to.from = from
  to.used = used
  to.idle = to.room[leaving] ?? 0
}

export function grownInt32(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length)
  grown.set(values)
  return grown
}
