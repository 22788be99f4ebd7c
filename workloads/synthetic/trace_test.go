package synthetic

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/arrivals"
	"github.com/fauxkube/fauxkube/workloads/generators"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// statistics are what the synthetic trace is to have in common with the real one.
func statistics(t *testing.T, of *openb.Trace) map[string]float64 {
	t.Helper()
	jobs, err := of.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	s := map[string]float64{"nodes": float64(len(of.Nodes)), "pods": float64(len(of.Pods)), "GPU capacity": float64(of.GPUCapacity())}
	for i := range of.Nodes {
		s["CPU capacity"] += float64(of.Nodes[i].CPULeft)
		s["memory capacity"] += float64(of.Nodes[i].MemoryLeft)
		s["GPUs of "+of.Nodes[i].Model] += float64(len(of.Nodes[i].GPULeft))
	}
	stays, hours := make([][]time.Duration, 4), make([]float64, 4)
	for i := range jobs {
		p := &jobs[i].Pod
		kind := kindOf(p)
		s["CPU asked for"] += float64(p.CPUMilli)
		s["memory asked for"] += float64(p.MemoryBytes)
		s["GPU asked for"] += float64(p.TotalGPUMilli())
		s[fmt.Sprint("pods of kind ", kind)]++
		stays[kind] = append(stays[kind], jobs[i].Stays)
		hours[int(jobs[i].Arrives.Hours())%24/6]++
	}
	for quarter, n := range hours {
		s[fmt.Sprint("arrivals in quarter of the day ", quarter)] = n
	}
	for kind, all := range stays[:3] { // 75 pods with several GPUs have no quantiles to speak of.
		slices.Sort(all)
		for _, percent := range []int{10, 25, 50, 75, 90, 95} {
			s[fmt.Sprintf("kind %d stays %d %%", kind, percent)] = all[len(all)*percent/100].Seconds()
		}
	}
	for i, p := range openb.Typical(of.Pods)[:10] {
		s[fmt.Sprint("share of typical pod ", i)] = p.Share
	}
	return s
}

// compare holds two sets of statistics against each other.
func compare(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, w := range want {
		// Five parts in a hundred, and 15 where few pods decide: quantiles of times, quarters of a day. Rounding may give
		// or take some whole pods, GPUs or seconds, and a thousandth of a share.
		within := .05 * w
		if strings.HasPrefix(name, "kind") || strings.HasPrefix(name, "arrivals") {
			within = .15 * w
		}
		rounding := 8.
		if strings.HasPrefix(name, "share") {
			rounding = .001
		}
		if math.Abs(got[name]-w) > max(within, rounding) {
			t.Errorf("%s: %.4g, the trace has %.4g", name, got[name], w)
		}
	}
}

func TestStatisticsAreTheTraces(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "traces", "openb")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the openb traces are not on this machine; the README says where to download them")
	}
	real, err := openb.Load(folder, "openb_pod_list_default.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := statistics(t, real)
	compare(t, statistics(t, Trace(FullNodes)), want)
	// A small one has the same proportions.
	small := statistics(t, Trace(FullNodes/4))
	for _, name := range []string{"pods", "GPU capacity", "CPU capacity", "CPU asked for", "GPU asked for"} {
		if got := 4 * small[name]; math.Abs(got-want[name]) > .05*want[name] {
			t.Errorf("a quarter of the cluster has %s %.4g, want a quarter of %.4g", name, small[name], want[name])
		}
	}
}

// The protocol on the synthetic trace leads to what it leads to on the real one.
func TestProtocolOnTheSyntheticTrace(t *testing.T) {
	trace := Trace(FullNodes)
	for policy, want := range map[string]float64{"fgd": 95.23, "bestfit": 92.86, "dotprod": 90.62} {
		r, err := openb.Run(trace, policy, 42, openb.ByName)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Allocated[100]; math.Abs(got-want) > 1.5 {
			t.Errorf("%s allocates %.2f %%, published for the real trace %.2f", policy, got, want)
		}
	}
}

func TestTracesAreTheSameEachTime(t *testing.T) {
	for _, nodes := range []int{1, 10, FullNodes} {
		a, b := Trace(nodes), Trace(nodes)
		ja, err := a.Jobs()
		jb, err2 := b.Jobs()
		if err != nil || err2 != nil || len(a.Nodes) != nodes || !slices.EqualFunc(ja, jb, func(x, y arrivals.Job) bool { return x == y }) {
			t.Errorf("two traces of %d nodes differ, or are none: %v %v", nodes, err, err2)
		}
	}
}

func TestApportion(t *testing.T) {
	for _, test := range []struct {
		counts []int
		total  int
		want   string
	}{{[]int{5, 3, 2}, 10, "[5 3 2]"}, {[]int{5, 3, 2}, 1, "[1 0 0]"}, {[]int{1, 1, 1}, 5, "[2 2 1]"}, {[]int{7, 2, 1}, 4, "[3 1 0]"}} {
		if got := fmt.Sprint(apportion(test.counts, test.total)); got != test.want {
			t.Errorf("%d by %v: %s, want %s", test.total, test.counts, got, test.want)
		}
	}
}

// Runs are the same on every processor: `GOAMD64=v3 go test`, whose compiler fuses multiplications with additions, is one
// that differs.
func TestArrivalsAreTheSameEverywhere(t *testing.T) {
	trace := Trace(40)
	jobs, err := trace.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, policy := range []string{"fgd", "bestfit", "random"} {
		source, err := arrivals.Offered(jobs, trace.Nodes, 105, time.Hour, func(mean time.Duration) generators.Process {
			return generators.Bursty(generators.Phase{Mean: 2 * mean, For: 9 * time.Minute}, generators.Phase{Mean: mean / 3, For: 2 * time.Minute})
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := arrivals.Run(arrivals.Config{
			Nodes: trace.Nodes, Source: source, Typical: openb.Typical(trace.Pods), Policy: policy, Seed: 7, WarmUp: time.Hour, Until: 2 * time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %016x", policy, sim.HashString(fmt.Sprint(*r))))
	}
	if text := strings.Join(got, ", "); text != sameEverywhere {
		t.Errorf("got %s, want %s", text, sameEverywhere)
	}
}

const sameEverywhere = "fgd 22a28ca2c3e6dbfe, bestfit afa18b75df6c22a7, random ea0754aef54935ee"
