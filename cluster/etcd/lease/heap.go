package lease

// heap holds leases by the time of their next check, ties by id. Each lease knows its place, so that a renewal moves
// it instead of leaving a dead entry behind.
type heap []*Lease

func before(a, b *Lease) bool {
	return a.check < b.check || a.check == b.check && a.ID < b.ID
}

// fix puts a lease where it belongs after its time has changed, adding it if it is not there.
func (h *heap) fix(l *Lease) {
	if l.place < 0 {
		l.place = len(*h)
		*h = append(*h, l)
	}
	h.up(l.place)
	h.down(l.place)
}

func (h *heap) remove(l *Lease) {
	if l.place < 0 {
		return
	}
	place, last := l.place, len(*h)-1
	h.swap(place, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	l.place = -1
	if place < last {
		h.fix((*h)[place])
	}
}

func (h heap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !before(h[i], h[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h heap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && before(h[child+1], h[child]) {
			child++
		}
		if !before(h[child], h[i]) {
			return
		}
		h.swap(i, child)
		i = child
	}
}
