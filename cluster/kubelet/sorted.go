package kubelet

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// sortedUIDs returns the keys of a map in order.
func sortedUIDs[T any](m map[types.UID]T) []types.UID { return slices.Sorted(maps.Keys(m)) }
