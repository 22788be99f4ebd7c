package openb

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func defaultTrace(t testing.TB) *Trace {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "traces", "openb")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the openb trace is not on this machine")
	}
	trace, err := Load(folder, "openb_pod_list_default.csv")
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func TestTraceIsRead(t *testing.T) {
	trace := defaultTrace(t)
	if len(trace.Nodes) != 1213 || len(trace.Pods) != 8152 || trace.GPUCapacity() != 6_212_000 {
		t.Errorf("%d nodes, %d pods, %d GPU milli", len(trace.Nodes), len(trace.Pods), trace.GPUCapacity())
	}
	if n := len(Typical(trace.Pods)); n != 35 {
		t.Errorf("%d typical pods, want 35", n)
	}
}

// published is the paper's table: allocated percent of GPU capacity by arrived percent, and the fragmented percent at
// 100 % arrived, means over seeds 42 to 51.
var published = map[string]struct {
	allocated  map[int]float64
	fragmented float64
	deviation  float64
}{
	"random":        {map[int]float64{80: 78.66, 90: 85.02, 95: 85.72, 100: 86.30, 110: 86.88, 120: 87.28, 130: 87.47}, 13.49, .33},
	"dotprod":       {map[int]float64{80: 80.02, 90: 89.98, 95: 90.58, 100: 90.62, 110: 90.70, 120: 90.77, 130: 90.85}, 9.30, 0},
	"gpuclustering": {map[int]float64{80: 80.02, 90: 89.98, 95: 91.61, 100: 91.65, 110: 91.73, 120: 91.80, 130: 91.88}, 8.21, 0},
	"gpupacking":    {map[int]float64{80: 80.02, 90: 89.98, 95: 91.74, 100: 91.78, 110: 91.86, 120: 91.92, 130: 92.00}, 8.13, 0},
	"bestfit":       {map[int]float64{80: 80.02, 90: 89.99, 95: 92.82, 100: 92.86, 110: 92.94, 120: 93.00, 130: 93.08}, 7.05, 0},
	"fgd":           {map[int]float64{80: 80.02, 90: 89.98, 95: 94.91, 100: 95.23, 110: 95.30, 120: 95.35, 130: 95.39}, 4.73, 0},
}

func TestFGDEndStateToTheUnit(t *testing.T) {
	r, err := Run(defaultTrace(t), "fgd", 42)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(r.Pods, r.Failed, r.UsedGPUMilli, r.UsedCPUMilli, r.UsedMemoryBytes)
	if want := "10866 2532 5919410 89928302 328998433325056"; got != want {
		t.Errorf("pods, failed, GPU milli, CPU milli, bytes: %s, want %s", got, want)
	}
}

func TestPublishedTable(t *testing.T) {
	trace := defaultTrace(t)
	for policy, want := range published {
		t.Run(policy, func(t *testing.T) {
			const seeds = 10
			var results [seeds]*Result
			var group sync.WaitGroup
			for i := range seeds {
				group.Go(func() {
					r, err := Run(trace, policy, int64(42+i))
					if err != nil {
						t.Error(err)
						return
					}
					results[i] = r
				})
			}
			group.Wait()
			if t.Failed() {
				return
			}
			tolerance := .01 + want.deviation
			for percent, allocated := range want.allocated {
				sum := 0.0
				for _, r := range results {
					sum += r.Allocated[percent]
				}
				if got := sum / seeds; math.Abs(got-allocated) > tolerance {
					t.Errorf("allocated at %d %%: %.3f, published %.2f", percent, got, allocated)
				}
			}
			sum := 0.0
			for _, r := range results {
				sum += r.Fragmented[100]
			}
			if got := sum / seeds; math.Abs(got-want.fragmented) > tolerance {
				t.Errorf("fragmented at 100 %%: %.3f, published %.2f", got, want.fragmented)
			}
		})
	}
}
