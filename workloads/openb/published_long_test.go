//go:build long

package openb

import "testing"

// All seventeen published lists of pods, with fewer or more GPUs shared, models named, several GPUs or none asked for.
func TestPublishedTablesOfAllVariants(t *testing.T) {
	for _, row := range published(t) {
		row.compare(t)
	}
}
