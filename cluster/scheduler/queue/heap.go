package queue

import "github.com/fauxkube/fauxkube/cluster/scheduler/framework"

// heap is a binary heap of items that know their index. less is a total order, so that the order of pops does not depend on
// the heap's shape.
type heap struct {
	items []*item
	less  func(a, b *framework.QueuedPodInfo) bool
}

func (h *heap) len() int { return len(h.items) }

func (h *heap) peek() *item {
	if len(h.items) == 0 {
		return nil
	}
	return h.items[0]
}

func (h *heap) push(i *item) {
	i.index = len(h.items)
	h.items = append(h.items, i)
	h.up(i.index)
}

func (h *heap) remove(i *item) {
	at, last := i.index, len(h.items)-1
	h.swap(at, last)
	h.items[last] = nil
	h.items = h.items[:last]
	if at < last {
		h.fix(h.items[at])
	}
}

// fix restores the order after an item changed.
func (h *heap) fix(i *item) {
	if !h.down(i.index) {
		h.up(i.index)
	}
}

func (h *heap) up(at int) {
	for at > 0 {
		parent := (at - 1) / 2
		if !h.less(h.items[at].info, h.items[parent].info) {
			return
		}
		h.swap(at, parent)
		at = parent
	}
}

func (h *heap) down(at int) bool {
	moved := false
	for {
		child := 2*at + 1
		if child >= len(h.items) {
			return moved
		}
		if right := child + 1; right < len(h.items) && h.less(h.items[right].info, h.items[child].info) {
			child = right
		}
		if !h.less(h.items[child].info, h.items[at].info) {
			return moved
		}
		h.swap(at, child)
		at, moved = child, true
	}
}

func (h *heap) swap(a, b int) {
	h.items[a], h.items[b] = h.items[b], h.items[a]
	h.items[a].index, h.items[b].index = a, b
}
