package maprange

import (
	"maps"
	"slices"
)

func walk(m map[string]int) (sum int) {
	for range m { // want `maprange: range over a map`
	}
	for k := range maps.Keys(m) { // want `maprange: a map's iterator`
		_ = k
	}
	_ = slices.Collect(maps.Values(m)) // want `maprange: a map's iterator`
	for _, k := range slices.Sorted(maps.Keys(m)) {
		sum += m[k]
	}
	//sim:unordered a sum has no order
	for _, n := range m {
		sum += n
	}
	for _, n := range m { //sim:unordered // want `this names no reason` `maprange: range over a map`
		sum += n
	}
	return sum
}
