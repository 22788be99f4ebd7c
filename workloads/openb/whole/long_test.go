//go:build long

package whole

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/workloads/openb"
)

// The published trace, whole: 1213 nodes with a kubelet each, 10,866 pods, FGD, seed 42.
func TestPublishedTracePlacesAsTheProtocol(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "traces", "openb")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the openb traces are not on this machine; the README says where to download them")
	}
	trace, err := openb.Load(folder, "openb_pod_list_default.csv")
	if err != nil {
		t.Fatal(err)
	}
	began, reported := time.Now(), 0
	r := samePlacements(t, trace, Options{Policy: "fgd", Seed: 42, Progress: func(decided, pods int) {
		if decided >= reported+1000 {
			reported = decided
			t.Logf("%d of %d pods after %v", decided, pods, time.Since(began).Round(time.Second))
		}
	}})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("%d pods, %v simulated in %v of host time, %d steps, %d MiB of the system", len(r.Placements), r.Simulated.Round(time.Second),
		time.Since(began).Round(time.Second), r.Steps, memory.Sys>>20)
}
