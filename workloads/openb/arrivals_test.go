package openb

import (
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// smallTrace has 8 nodes of 2 GPUs and pods of three sorts.
func smallTrace() *Trace {
	t := &Trace{}
	for i := range 8 {
		t.Nodes = append(t.Nodes, policies.Node{Name: fmt.Sprint("n", i), CPULeft: 16_000, MemoryLeft: 64 << 30, GPULeft: []int64{1000, 1000}, Model: "T4"})
	}
	for i := range 12 {
		t.Pods = append(t.Pods,
			policies.Pod{Name: fmt.Sprintf("a%02d", i), CPUMilli: 2000, MemoryBytes: 1 << 30, GPUs: 1, GPUMilli: 400},
			policies.Pod{Name: fmt.Sprintf("b%02d", i), CPUMilli: 4000, MemoryBytes: 1 << 30},
			policies.Pod{Name: fmt.Sprintf("c%02d", i), CPUMilli: 1000, MemoryBytes: 1 << 30, GPUs: 1 + i%2, GPUMilli: 1000})
	}
	return t
}

// countedSource counts what is drawn.
type countedSource struct {
	rand.Source
	draws int
}

func (s *countedSource) Int63() int64 { s.draws++; return s.Source.Int63() }

// The test for the end of inflation counts one GPU of a clone and the total all of them.
func TestInflationGoesPastTheTargetAndDrawsOnceMore(t *testing.T) {
	four := []policies.Pod{{Name: "p", GPUs: 4, GPUMilli: 1000}}
	for _, test := range []struct {
		name          string
		total, target int64
		clones        int
	}{
		{"fits exactly", 0, 4000, 1},
		{"goes past", 0, 5000, 2},
		{"one GPU is too much", 0, 999, 0},
		{"at the target", 5000, 5000, 0},
	} {
		source := &countedSource{Source: rand.NewSource(1)}
		pods := inflate(nil, four, test.total, float64(test.target), rand.New(source))
		if len(pods) != test.clones || source.draws != test.clones+1 {
			t.Errorf("%s: %d clones by %d draws, want %d by one more", test.name, len(pods), source.draws, test.clones)
		}
	}
}

func TestDeflationEndsAtTheTarget(t *testing.T) {
	var pods []policies.Pod
	for i := range 20 {
		pods = append(pods, policies.Pod{Name: fmt.Sprint(i), GPUs: 1, GPUMilli: 500})
	}
	kept := deflate(pods, 10_000, 7000, rand.New(rand.NewSource(3)))
	if len(kept) != 14 {
		t.Errorf("%d pods of 500 are kept for a target of 7000, want 14", len(kept))
	}
	for i := range kept[1:] {
		if a, b := kept[i].Name, kept[i+1].Name; len(a) > len(b) || len(a) == len(b) && a > b {
			t.Errorf("removal changed the order: %s before %s", a, b)
		}
	}
}

func TestTypicalPodsMakeUp95Percent(t *testing.T) {
	var pods []policies.Pod
	for sort, count := range []int{60, 34, 3, 2, 1} {
		for range count {
			pods = append(pods, policies.Pod{CPUMilli: int64(sort), MemoryBytes: int64(len(pods))})
		}
	}
	var shares []string
	for _, p := range Typical(pods) {
		shares = append(shares, fmt.Sprintf("%d:%.4f", p.CPUMilli, p.Share))
	}
	if got, want := strings.Join(shares, " "), "0:0.6186 1:0.3505 2:0.0309"; got != want {
		t.Errorf("typical pods by CPU: %s, want %s", got, want)
	}
}

func TestRoundHalfEven(t *testing.T) {
	for _, test := range []struct{ a, b, want int64 }{{0, 7, 0}, {1, 2, 0}, {3, 2, 2}, {5, 2, 2}, {7, 2, 4}, {249, 100, 2}, {251, 100, 3}} {
		if got := roundHalfEven(test.a, test.b); got != test.want {
			t.Errorf("%d/%d rounds to %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// Rounding to two decimals is Python's, whose twin is the standard library's.
func TestDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(0, 1e7).Draw(t, "x")
		if rapid.Bool().Draw(t, "near a tie") {
			x = float64(rapid.IntRange(0, 1_000_000).Draw(t, "n")) / 200
		}
		if got, want := fmt.Sprint(decimals2(x)), strconv.FormatFloat(x, 'f', 2, 64); got != strings.TrimSuffix(strings.TrimRight(want, "0"), ".") && x < 1e6 {
			t.Fatalf("%v rounds to %s, want %s", x, got, want)
		}
	})
}

func TestBins(t *testing.T) {
	tl := &tally{capacity: 10_000}
	tl.add(100, reading{1, 50, 1})      // 1 %
	tl.add(140, reading{1.34, 70, 2})   // 1 %
	tl.add(300, reading{3, 90, 2})      // 3 %
	tl.add(20_000, reading{3, 100, 99}) // beyond the last bin
	r := tl.curves()
	got := fmt.Sprintf("%.2f %.2f %.2f %.2f, %.2f %.2f, %.2f", r.Allocated[1], r.Allocated[2], r.Allocated[3], r.Allocated[9],
		r.Fragmented[1], r.Fragmented[2], r.Nodes[1])
	if want := "1.17 1.78 3.00 3.00, 0.60 0.70, 1.50"; got != want {
		t.Errorf("allocated at 1, 2, 3, 9 %%, fragmented at 1, 2 %%, nodes at 1 %%: %s, want %s", got, want)
	}
	late := &tally{capacity: 10_000}
	late.add(500, reading{})
	if r := late.curves(); !math.IsNaN(r.Allocated[3]) || r.Allocated[4] != 0 {
		t.Errorf("the first pod at 5 %%: %v at 3 %%, %v at 4 %%", r.Allocated[3], r.Allocated[4])
	}
}

func TestBadTracesAreRefused(t *testing.T) {
	const (
		nodes = "sn,cpu_milli,memory_mib,gpu,model\nn,64000,262144,2,P100\n"
		pods  = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1000,1024,1,460\n"
	)
	for _, test := range []struct{ name, nodes, pods, want string }{
		{"good", nodes, pods, ""},
		{"no nodes", "", pods, "openb_node_list_gpu_node.csv: the file is empty"},
		{"no column", "sn,cpu_milli,gpu,model\nn,1,1,x\n", pods, "openb_node_list_gpu_node.csv: line 1: no column is called memory_mib"},
		{"no GPU", "sn,cpu_milli,memory_mib,gpu,model\nn,64000,262144,0,P100\n", pods, "openb_node_list_gpu_node.csv: no node has a GPU"},
		{"too many GPUs", "sn,cpu_milli,memory_mib,gpu,model\nn,1,1,2000000000,P100\n", pods, `line 2: gpu: want a whole number from 0 to 1024, got "2000000000"`},
		{"only a header", nodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n", "pods.csv: nothing below the line of column names"},
		{"no number", nodes, pods + "q,many,1,0,0\n", `pods.csv: line 3: cpu_milli: want a whole number from 0 to 1099511627776, got "many"`},
		{"negative", nodes, pods + "q,1,-1,0,0\n", `pods.csv: line 3: memory_mib: want`},
		{"half a request", nodes, pods + "q,1,1,1,0\n", "pods.csv: line 3: num_gpu 1 and gpu_milli 0: want both 0 or neither"},
		{"a short line", nodes, pods + "q,1\n", "pods.csv: record on line 3: wrong number of fields"},
		{"no demand", nodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1000,1024,0,0\n", "pods.csv: no pod asks for a GPU"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, folder, NodeFile, test.nodes)
			write(t, folder, "pods.csv", test.pods)
			_, err := Load(folder, "pods.csv")
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if _, err := Load(t.TempDir(), "pods.csv"); err == nil || !strings.HasSuffix(err.Error(), "openb_node_list_gpu_node.csv cannot be read: no such file or directory") {
		t.Errorf("an empty folder: %v", err)
	}
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
