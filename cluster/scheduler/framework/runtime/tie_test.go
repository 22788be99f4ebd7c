package runtime_test

import (
	"container/heap"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

// scoreHeap is what kube-scheduler's selectHost keeps its scores in: the twin.
type scoreHeap []struct {
	index int
	score int64
}

func (h scoreHeap) Len() int           { return len(h) }
func (h scoreHeap) Less(i, j int) bool { return h[i].score > h[j].score }
func (h scoreHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *scoreHeap) Push(any)          { panic("not used") }
func (h *scoreHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func TestUpstreamTieIsTheTopOfContainerHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Int64Range(0, 3), 1, 200).Draw(t, "scores")
		var h scoreHeap
		for i, score := range scores {
			h = append(h, struct {
				index int
				score int64
			}{i, score})
		}
		heap.Init(&h)
		want := heap.Pop(&h).(struct {
			index int
			score int64
		}).index
		if got := runtime.TieUpstream.Best(scores, nil, nil); got != want {
			t.Fatalf("winner %d, container/heap leaves %d on top", got, want)
		}
	})
}

func TestTieRules(t *testing.T) {
	scores := []int64{1, 7, 7, 3, 7}
	names := []string{"e", "d", "c", "b", "a"}
	name := func(i int) string { return names[i] }
	for _, c := range []struct {
		tie  runtime.Tie
		draw int
		want int
	}{
		{runtime.TieName, 0, 4}, {runtime.TieRandom, 0, 1}, {runtime.TieRandom, 1, 2}, {runtime.TieRandom, 2, 4}, {runtime.TieUpstream, 0, 1},
	} {
		got := c.tie.Best(scores, name, func(n int) int {
			if n != 3 {
				t.Errorf("draws among %d, want 3", n)
			}
			return c.draw
		})
		if got != c.want {
			t.Errorf("%s/%d: %d, want %d", c.tie, c.draw, got, c.want)
		}
	}
	for _, want := range []runtime.Tie{runtime.TieUpstream, runtime.TieRandom, runtime.TieName} {
		if got, err := runtime.ParseTie(want.String()); err != nil || got != want {
			t.Errorf("ParseTie(%q) = %v, %v", want.String(), got, err)
		}
	}
	if _, err := runtime.ParseTie("first"); err == nil {
		t.Error("an unknown rule is accepted")
	}
}

func TestRandomTieAmongEqualsIsUniformOverDraws(t *testing.T) {
	seen := map[int]bool{}
	for draw := range 4 {
		seen[runtime.TieRandom.Best([]int64{5, 5, 5, 5}, strconv.Itoa, func(int) int { return draw })] = true
	}
	if len(seen) != 4 {
		t.Errorf("four draws chose %d nodes", len(seen))
	}
}
