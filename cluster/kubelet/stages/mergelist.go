package stages

// mergeList merges a list of a patch into the object's own as a strategic merge patch without an explicit order does:
// elements with the key of a patch element become merge(old, patched); the elements that only the object has come
// after the patch's, except those that stood before one that both have.
func mergeList[T any](own, patch []T, same func(a, b *T) bool, merge func(old, patched T) T) []T {
	index := func(list []T, v *T) int {
		for i := range list {
			if same(&list[i], v) {
				return i
			}
		}
		return -1
	}
	out := make([]T, 0, len(own)+len(patch))
	next := func(from int) int { // the next element that only the object has
		for from < len(own) && index(patch, &own[from]) >= 0 {
			from++
		}
		return from
	}
	i := next(0)
	for j := range patch {
		at := index(own, &patch[j])
		for i < len(own) && at >= 0 && i < at {
			out = append(out, own[i])
			i = next(i + 1)
		}
		if at >= 0 {
			out = append(out, merge(own[at], patch[j]))
		} else {
			out = append(out, patch[j])
		}
	}
	for i < len(own) {
		out = append(out, own[i])
		i = next(i + 1)
	}
	return out
}
