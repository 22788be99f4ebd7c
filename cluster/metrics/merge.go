package metrics

// Merged returns one histogram of all values of the family's series whose labels include the given pairs, for reports:
// a percentile over all attempts, verbs or nodes. It is empty if there is no such series.
func (r *Registry) Merged(name string, labelPairs ...string) *Histogram {
	want := pairsOf(name, labelPairs)
	all := newHistogram(layoutOf(name))
	r.EachOf(name, func(s *Series) {
		if s.Histogram != nil && s.matches(want) {
			all.add(s.Histogram)
		}
	})
	return all
}

// add takes over the values of o, which has the same layout.
func (h *Histogram) add(o *Histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
	h.sum += o.sum
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
	h.sorted = false
	if h.many == nil && o.many == nil && len(h.exact)+len(o.exact) <= exactValues {
		h.exact = append(h.exact, o.exact...)
		return
	}
	if h.many == nil {
		h.spill()
	}
	if o.many != nil {
		h.many.Merge(o.many)
	}
	for _, v := range o.exact {
		h.recordMany(v)
	}
}
