package policies

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// twin decides anew for every pod, from the definitions: no kept scores, no shortcuts.
type twin struct {
	policy Policy
	nodes  []*Node
}

func (t *twin) best(p *Pod) int {
	var fitting []int
	var scores []int64
	for i, n := range t.nodes {
		if n.Fits(p) {
			fitting, scores = append(fitting, i), append(scores, t.policy.Score(n, p))
		}
	}
	if len(fitting) == 0 {
		return -1
	}
	if d, ok := t.policy.(drawer); ok {
		return fitting[d.draw(len(fitting))]
	}
	if _, ok := t.policy.(normaliser); ok {
		low, high := slices.Min(scores), slices.Max(scores)
		for i := range scores {
			scores[i] = (scores[i] - low) * 100 / max(high-low, 1)
		}
	}
	return fitting[slices.Index(scores, slices.Max(scores))]
}

func drawNodes(t *rapid.T) []*Node {
	var nodes []*Node
	for i := range rapid.IntRange(1, 8).Draw(t, "nodes") {
		n := &Node{
			Name: fmt.Sprint("n", i), Model: rapid.SampledFrom([]string{"T4", "G2", ""}).Draw(t, "model"),
			CPULeft: 1000 * rapid.Int64Range(1, 96).Draw(t, "cpu"), MemoryLeft: rapid.Int64Range(0, 64).Draw(t, "memory"),
		}
		for range rapid.IntRange(0, 8).Draw(t, "gpus") {
			n.GPULeft = append(n.GPULeft, GPUMilli)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func drawPods(t *rapid.T, most int) []Pod {
	var pods []Pod
	for i := range rapid.IntRange(1, most).Draw(t, "pods") {
		p := Pod{
			Name: fmt.Sprint("p", i), CPUMilli: 500 * rapid.Int64Range(0, 64).Draw(t, "cpu"), MemoryBytes: rapid.Int64Range(0, 16).Draw(t, "memory"),
			Models: rapid.SampledFrom([]string{"", "", "T4", "T4|G2", "|"}).Draw(t, "models"),
		}
		switch rapid.IntRange(0, 2).Draw(t, "sort") {
		case 0:
			p.GPUs, p.GPUMilli = 1, 10*rapid.Int64Range(1, 99).Draw(t, "gpu")
		case 1:
			p.GPUs, p.GPUMilli = rapid.IntRange(1, 8).Draw(t, "gpus"), GPUMilli
		}
		pods = append(pods, p)
	}
	NumberTypes(pods)
	return pods
}

func drawWorkload(t *rapid.T) *Workload {
	pods := drawPods(t, 6)
	var typical []TypicalPod
	for _, p := range pods {
		typical = append(typical, TypicalPod{p, 1 / float64(len(pods))})
	}
	return NewWorkload(typical)
}

// Kept scores change no decision, whatever is placed and removed in whatever order.
func TestChooserDecidesAsItsTwin(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				nodes, pods, workload := drawNodes(t), drawPods(t, 10), drawWorkload(t)
				// Both draw from the same numbers.
				policy := func() Policy {
					p, err := New(name, Env{Workload: workload, Draw: rand.New(rand.NewSource(1)).Intn})
					if err != nil {
						t.Fatal(err)
					}
					return p
				}
				chooser, dumb := NewChooser(policy(), nodes, nil), &twin{policy(), nodes}
				type placed struct {
					pod  *Pod
					node int
					gpus []int
				}
				var there []placed
				for range rapid.IntRange(1, 40).Draw(t, "steps") {
					if len(there) > 0 && rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
						i := rapid.IntRange(0, len(there)-1).Draw(t, "which")
						nodes[there[i].node].Remove(there[i].pod, there[i].gpus)
						chooser.Changed(there[i].node)
						there = slices.Delete(there, i, i+1)
						continue
					}
					p := &pods[rapid.IntRange(0, len(pods)-1).Draw(t, "pod")]
					want := dumb.best(p)
					got := chooser.Best(p)
					if got != want {
						t.Fatalf("%+v: node %d, the twin takes %d", *p, got, want)
					}
					if got < 0 {
						continue
					}
					gpus := dumb.policy.GPUs(nodes[got], p)
					if again := chooser.policy.GPUs(nodes[got], p); !slices.Equal(gpus, again) {
						t.Fatalf("%+v: GPUs %v and %v", *p, gpus, again)
					}
					nodes[got].Place(p, gpus)
					chooser.Changed(got)
					there = append(there, placed{p, got, gpus})
				}
			})
		})
	}
}

// Whatever policy chooses, a pod gets the GPUs it asks for, and taking it away restores the node.
func TestRemoveUndoesPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, pods, workload := drawNodes(t), drawPods(t, 12), drawWorkload(t)
		policy, err := New(rapid.SampledFrom(Names()).Draw(t, "policy"), Env{Workload: workload, Draw: rand.New(rand.NewSource(1)).Intn})
		if err != nil {
			t.Fatal(err)
		}
		for i := range pods {
			p, n := &pods[i], nodes[i%len(nodes)]
			if !n.Fits(p) {
				continue
			}
			before := n.Copy()
			gpus := policy.GPUs(n, p)
			if distinct := slices.Compact(slices.Sorted(slices.Values(gpus))); len(distinct) != p.GPUs {
				t.Fatalf("%+v gets the GPUs %v", *p, gpus)
			}
			n.Place(p, gpus)
			if n.CPULeft < 0 || n.MemoryLeft < 0 || slices.ContainsFunc(n.GPULeft, func(left int64) bool { return left < 0 }) {
				t.Fatalf("%+v overcommits: %+v", *p, *n)
			}
			if used := before.TotalGPULeft() - n.TotalGPULeft(); used != p.TotalGPUMilli() {
				t.Fatalf("%+v takes %d of the GPUs", *p, used)
			}
			after := n.Copy()
			n.Remove(p, gpus)
			if len(n.tags) == 0 {
				n.tags = nil
			}
			if fmt.Sprint(*before) != fmt.Sprint(*n) {
				t.Fatalf("placed and removed: %+v, before: %+v", *n, *before)
			}
			nodes[i%len(nodes)] = after
		}
	})
}

// The paper's definition of fragmentation, by GPU instead of by category.
func TestFragmentationIsWhatNoTypicalPodCanUse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, workload := drawNodes(t)[0], drawWorkload(t)
		n.CPULeft = 1000 * rapid.Int64Range(0, 32).Draw(t, "left")
		for i := range n.GPULeft {
			n.GPULeft[i] = 10 * rapid.Int64Range(0, 100).Draw(t, "left")
		}
		want := 0.0
		for _, m := range workload.Typical() {
			usable := int64(0)
			for _, left := range n.GPULeft {
				if m.GPUs > 0 && m.Accepts(n.Model) && n.fittingGPUs(m.GPUMilli) >= m.GPUs && n.CPULeft >= m.CPUMilli && left >= m.GPUMilli {
					usable += left
				}
			}
			want += m.Share * float64(n.TotalGPULeft()-usable)
		}
		if got := workload.Fragmentation(n); math.Abs(got-want) > 1e-6 {
			t.Errorf("%v, the definition gives %v", got, want)
		}
	})
}

// The thresholds are those of the logistic function. Between two of them a processor's exponential is exact enough.
func TestGradientScoreIsTheLogisticFunction(t *testing.T) {
	logistic := func(x float64) int64 { return int64(1 / (1 + math.Exp(-x)) * 100) }
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-8, 8).Draw(t, "x")
		i := slices.IndexFunc(thresholds[:], func(threshold float64) bool { return math.Abs(x-threshold) < 1e-9 })
		if got, want := gradientScore(x), logistic(x); i < 0 && got != want {
			t.Errorf("the score of %v is %d, want %d", x, got, want)
		}
	})
	for i, threshold := range thresholds {
		if i == maxNodeScore/2-1 {
			continue
		}
		if below, above := gradientScore(threshold-1e-12), gradientScore(threshold+1e-12); below != int64(i) || above != int64(i)+1 {
			t.Errorf("around threshold %d: %d and %d", i, below, above)
		}
		if below, above := logistic(threshold-1e-12), logistic(threshold+1e-12); below != int64(i) || above != int64(i)+1 {
			t.Errorf("the logistic function around threshold %d: %d and %d", i, below, above)
		}
	}
}

// Around 0 rounding errors decide between 49 and 50; these are the answers of 1/(1+e^-x) with e^-x rounded correctly.
func TestGradientScoreOfRoundingErrors(t *testing.T) {
	for _, test := range []struct {
		x    float64
		want int64
	}{
		{0, 50}, {0x1p-52, 50}, {-0x1p-53, 50}, {-0x1p-52, 50}, {-1.49 * 0x1p-52, 50}, {-1.5 * 0x1p-52, 49},
		{-0x1p-51, 49}, {-1e-12, 49}, {1e-12, 50}, {-50, 0}, {50, 99}, {math.Inf(-1), 0},
	} {
		if got := gradientScore(test.x); got != test.want {
			t.Errorf("the score of %v is %d, want %d", test.x, got, test.want)
		}
	}
}

// The published formulas, on a node of 64 CPUs and four GPUs, of which one is half used by a pod that shares it.
func TestScores(t *testing.T) {
	used := func() *Node {
		n := &Node{Name: "n", Model: "T4", CPULeft: 64_000, MemoryLeft: 100, GPULeft: []int64{1000, 1000, 1000, 1000}}
		n.Place(&Pod{CPUMilli: 16_000, GPUs: 1, GPUMilli: 500}, []int{2})
		return n
	}()
	empty := &Node{Name: "e", Model: "T4", CPULeft: 64_000, MemoryLeft: 100, GPULeft: []int64{1000, 1000, 1000, 1000}}
	var (
		cpuOnly = &Pod{CPUMilli: 8000}
		shared  = &Pod{CPUMilli: 8000, GPUs: 1, GPUMilli: 300}
		large   = &Pod{CPUMilli: 8000, GPUs: 1, GPUMilli: 600}
		two     = &Pod{CPUMilli: 8000, GPUs: 2, GPUMilli: 1000}
	)
	for _, test := range []struct {
		policy      string
		node        *Node
		pod         *Pod
		score       int64
		gpus        []int
		explanation string
	}{
		{"firstfit", used, shared, 0, []int{2}, "the tightest"},
		{"firstfit", used, two, 0, []int{0, 1}, "the first free ones"},
		{"firstfit", used, cpuOnly, 0, nil, ""},
		{"dotprod", used, shared, 98, []int{2}, "100(1 - (.375*.0625 + .4375*.0375)/2) = 98.01"},
		{"dotprod", empty, two, 92, []int{0, 1}, "100(1 - (.5*.0625 + .5*.25)/2) = 92.2"},
		{"bestfit", used, shared, 64, []int{2}, "100(1 - .5*40/128 - .5*3.2/8) = 64.4"},
		{"bestfit", used, cpuOnly, 62, nil, "100(1 - .5*40/128 - .5*3.5/8) = 62.5"},
		{"gpuclustering", used, shared, 89, []int{2}, "25*4500/8000 + 75: only its own sort"},
		{"gpuclustering", used, two, 14, []int{0, 1}, "25*4500/8000: only others"},
		{"gpuclustering", empty, two, 37, []int{0, 1}, "25*4000/8000 + 25: no GPU pods"},
		{"gpuclustering", empty, cpuOnly, 0, nil, ""},
		{"gpupacking", empty, shared, 29, []int{0}, "33 - 4 free"},
		{"gpupacking", used, shared, 95, []int{2}, "100 - 50/10"},
		{"gpupacking", used, large, 49, []int{0}, "50 - 1: needs a free one"},
		{"gpupacking", used, two, 48, []int{0, 1}, "50 - 2"},
		{"gpupacking", used, cpuOnly, 0, nil, ""},
		// Half of the workload asks for a whole GPU, half for no GPU. 3.5 GPUs are free: F = .5*3500 + .5*500.
		{"fgd", used, shared, 57, []int{2}, "300 less for both: the logistic function of .3 is .574"},
		{"fgd", used, large, 52, []int{0}, "600 less for one half, 400 more for the other: of .1 it is .525"},
		{"fgd", used, two, 73, []int{0, 1}, "2000 less for one half: of 1 it is .731"},
		{"fgd", used, cpuOnly, 50, nil, "nothing changes"},
	} {
		workload := NewWorkload([]TypicalPod{{Pod{CPUMilli: 1000, GPUs: 1, GPUMilli: 1000}, .5}, {Pod{CPUMilli: 1000}, .5}})
		p, err := New(test.policy, Env{Workload: workload})
		if err != nil {
			t.Fatal(err)
		}
		score, gpus := p.Score(test.node, test.pod), p.GPUs(test.node, test.pod)
		if score != test.score || !slices.Equal(gpus, test.gpus) {
			t.Errorf("%s, %+v on %s: %d on GPUs %v, want %d on %v (%s)",
				test.policy, *test.pod, test.node.Name, score, gpus, test.score, test.gpus, test.explanation)
		}
	}
}

// GpuClustering between its own sort alone and others alone.
func TestClusteringOfAMixedNode(t *testing.T) {
	n := &Node{GPULeft: []int64{1000, 1000, 1000, 1000}}
	n.Place(&Pod{GPUs: 1, GPUMilli: 500}, []int{0})
	n.Place(&Pod{GPUs: 2, GPUMilli: 1000}, []int{1, 2})
	if got := (gpuClustering{}).Score(n, &Pod{GPUs: 1, GPUMilli: 100}); got != 25*6500/8000+50 {
		t.Errorf("score %d", got)
	}
}

func TestTiesGoToTheFirstName(t *testing.T) {
	var nodes []*Node
	for i := range 5 {
		nodes = append(nodes, &Node{Name: fmt.Sprint(i), CPULeft: 1000, GPULeft: []int64{1000}})
	}
	for _, name := range []string{"firstfit", "dotprod", "gpuclustering", "gpupacking", "bestfit", "fgd"} {
		p, err := New(name, Env{Workload: NewWorkload([]TypicalPod{{Pod{CPUMilli: 1, GPUs: 1, GPUMilli: 1}, 1}})})
		if err != nil {
			t.Fatal(err)
		}
		if got := NewChooser(p, nodes, nil).Best(&Pod{CPUMilli: 10, GPUs: 1, GPUMilli: 10}); got != 0 {
			t.Errorf("%s takes node %d of equals", name, got)
		}
	}
}

// Of nodes 0 to 4, those of two CPUs are as good as each other for best fit, and each is drawn.
func TestTiesAreDrawnFromTheBest(t *testing.T) {
	var nodes []*Node
	for i, cpus := range []int64{3, 2, 1, 2, 2} {
		nodes = append(nodes, &Node{Name: fmt.Sprint(i), CPULeft: 10_000 * cpus})
	}
	c := NewChooser(bestFit{}, nodes, rand.New(rand.NewSource(1)).Intn)
	var drawn [5]int
	for range 300 {
		drawn[c.Best(&Pod{CPUMilli: 15_000})]++
	}
	if drawn[0]+drawn[2] != 0 || drawn[1] < 70 || drawn[3] < 70 || drawn[4] < 70 {
		t.Errorf("drawn %v", drawn)
	}
	if got := c.Best(&Pod{CPUMilli: 50_000, Type: 1}); got != -1 {
		t.Errorf("what fits nowhere goes to node %d", got)
	}
}

func TestUnknownPolicyNamesTheKnown(t *testing.T) {
	_, err := New("FDG", Env{})
	want := `no policy is called "FDG": there are bestfit, dotprod, fgd, firstfit, gpuclustering, gpupacking, random`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRandomDrawsNodesAndGPUsEvenly(t *testing.T) {
	p, err := New("random", Env{Draw: rand.New(rand.NewSource(5)).Intn})
	if err != nil {
		t.Fatal(err)
	}
	nodes := []*Node{{CPULeft: 10, GPULeft: []int64{500, 1000}}, {CPULeft: 1, GPULeft: []int64{1000}}, {CPULeft: 10, GPULeft: []int64{10, 500}}}
	c, pod := NewChooser(p, nodes, nil), &Pod{CPUMilli: 5, GPUs: 1, GPUMilli: 300}
	var byNode, byGPU [3]int
	const draws = 2000
	for range draws {
		i := c.Best(pod)
		byNode[i]++
		if i == 0 {
			byGPU[p.GPUs(nodes[0], pod)[0]]++
		}
	}
	if byNode[1] != 0 || byNode[0] < 900 || byNode[2] < 900 || byGPU[0] < 400 || byGPU[1] < 400 {
		t.Errorf("of %d draws nodes %v, GPUs of the first %v", draws, byNode, byGPU)
	}
}
