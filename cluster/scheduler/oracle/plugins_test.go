package oracle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	uframework "k8s.io/kubernetes/pkg/scheduler/framework"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/adapter"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// TestPlugins compares every plugin's answers about every node of random clusters.
func TestPlugins(t *testing.T) {
	verdicts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for i := range rapid.IntRange(1, 12).Draw(t, "pods") {
			pod := drawPod(t, i)
			w.update(t)
			for _, enabled := range w.plugins {
				if theirs := w.theirs.plugins[enabled.Plugin.Name()]; theirs != nil {
					c := &comparison{t: t, w: w, pod: pod, ours: enabled.Plugin, theirs: theirs, verdicts: verdicts}
					c.run()
					// Upstream's own plugin through the adapter answers as it does at home.
					adapted := *c
					adapted.ours, adapted.verdicts = adapter.New(theirs, w.handle), map[string]int{}
					adapted.run()
				}
			}
			w.place(t, pod, testcluster.Pick(t, "node", w.nodes).Name)
		}
	})
	for _, verdict := range slices.Sorted(maps.Keys(verdicts)) {
		t.Logf("%8d  %s", verdicts[verdict], verdict)
	}
}

// comparison is one plugin and one pod.
type comparison struct {
	t      *rapid.T
	w      *world
	pod    *corev1.Pod
	ours   framework.Plugin
	theirs fwk.Plugin

	cycle    *framework.Cycle
	state    fwk.CycleState
	verdicts map[string]int
}

func (c *comparison) run() {
	c.cycle = framework.NewCycle(c.w.symbols.NewPodInfo(c.pod), c.w.snapshot)
	c.state = uframework.NewCycleState()
	nodes, err := c.w.theirs.snapshot.NodeInfos().List()
	if err != nil {
		c.t.Fatal(err)
	}
	if c.preFilter(nodes) {
		c.filter(nodes)
	}
	if c.preScore(nodes) {
		c.score(nodes)
	}
}

// at returns a plugin as it is at an extension point, if it has that.
func at[T framework.Plugin](p framework.Plugin, point string) (T, bool) {
	has, ok := p.(T)
	return has, ok && framework.Has(p, point)
}

// same fails unless two answers are equal, and counts them.
func (c *comparison) same(what, ours, theirs string) {
	if ours != theirs {
		c.t.Fatalf("%s %s of pod %s:\n    ours %s\nupstream %s\npod %+v", c.ours.Name(), what, c.pod.Name, ours, theirs, c.pod.Spec)
	}
}

// preFilter reports whether Filter is to be asked.
func (c *comparison) preFilter(nodes []fwk.NodeInfo) bool {
	theirs, is := c.theirs.(fwk.PreFilterPlugin)
	ours, isToo := at[framework.PreFilterPlugin](c.ours, "PreFilter")
	if is != isToo {
		c.t.Fatalf("%s: PreFilter is only on one side", c.ours.Name())
	}
	if !is {
		return true
	}
	theirResult, theirStatus := theirs.PreFilter(context.Background(), c.state, c.pod, nodes)
	ourResult, ourStatus := ours.PreFilter(c.cycle)
	c.same("PreFilter", ourVerdict(ourStatus), theirVerdict(theirStatus))
	c.count("PreFilter", ourStatus)
	them, us := "all", "all"
	if !theirResult.AllNodes() {
		them = fmt.Sprint(slices.Sorted(maps.Keys(theirResult.NodeNames)))
	}
	if ourResult != nil && ourResult.NodeNames != nil {
		us = fmt.Sprint(slices.Sorted(maps.Keys(ourResult.NodeNames)))
	}
	c.same("PreFilter's nodes", us, them)
	return theirStatus.IsSuccess()
}

func (c *comparison) filter(nodes []fwk.NodeInfo) {
	theirs, is := c.theirs.(fwk.FilterPlugin)
	ours, isToo := at[framework.FilterPlugin](c.ours, "Filter")
	if is != isToo {
		c.t.Fatalf("%s: Filter is only on one side", c.ours.Name())
	}
	if !is {
		return
	}
	column, _ := c.ours.(framework.ColumnFilter)
	for i, node := range nodes {
		slot := c.w.snapshot.Order[i]
		want := theirVerdict(theirs.Filter(context.Background(), c.state, c.pod, node))
		got := ours.Filter(c.cycle, c.w.snapshot.Nodes[slot])
		c.same("Filter of "+node.Node().Name, ourVerdict(got), want)
		c.count("Filter", got)
		if column != nil {
			c.same("FilterSlot of "+node.Node().Name, ourVerdict(column.FilterSlot(c.cycle, slot)), want)
		}
	}
}

// preScore reports whether Score is to be asked.
func (c *comparison) preScore(nodes []fwk.NodeInfo) bool {
	theirs, is := c.theirs.(fwk.PreScorePlugin)
	ours, isToo := at[framework.PreScorePlugin](c.ours, "PreScore")
	if !is {
		if isToo { // ours prepares what upstream does in Score
			c.same("PreScore", ourVerdict(ours.PreScore(c.cycle, c.w.snapshot.Order)), ourVerdict(nil))
		}
		return true
	}
	them := theirs.PreScore(context.Background(), c.state, c.pod, nodes)
	if !isToo {
		return them.IsSuccess() // ours needs no preparation
	}
	us := ours.PreScore(c.cycle, c.w.snapshot.Order)
	c.same("PreScore", ourVerdict(us), theirVerdict(them))
	c.count("PreScore", us)
	return them.IsSuccess()
}

func (c *comparison) score(nodes []fwk.NodeInfo) {
	theirs, is := c.theirs.(fwk.ScorePlugin)
	ours, isToo := at[framework.ScorePlugin](c.ours, "Score")
	if is != isToo {
		c.t.Fatalf("%s: Score is only on one side", c.ours.Name())
	}
	if !is {
		return
	}
	slots := c.w.snapshot.Order
	us, byColumn, them := make([]int64, len(slots)), make([]int64, len(slots)), make(fwk.NodeScoreList, len(slots))
	for i, node := range nodes {
		score, status := theirs.Score(context.Background(), c.state, c.pod, node)
		them[i] = fwk.NodeScore{Name: node.Node().Name, Score: score}
		var got *framework.Status
		us[i], got = ours.Score(c.cycle, c.w.snapshot.Nodes[slots[i]])
		c.same("Score's status", ourVerdict(got), theirVerdict(status))
	}
	c.same("raw scores", fmt.Sprint(us), scoresOf(them))
	if column, ok := c.ours.(framework.ColumnScorer); ok {
		column.ScoreSlots(c.cycle, slots, byColumn)
		c.same("raw scores by column", fmt.Sprint(byColumn), scoresOf(them))
	}
	c.verdicts[c.ours.Name()+" scored"]++
	if extensions := theirs.ScoreExtensions(); extensions != nil {
		status := extensions.NormalizeScore(context.Background(), c.state, c.pod, them)
		got := c.ours.(framework.ScoreNormalizer).NormalizeScore(c.cycle, slots, us)
		c.same("NormalizeScore's status", ourVerdict(got), theirVerdict(status))
		c.same("normalised scores", fmt.Sprint(us), scoresOf(them))
	}
}

func scoresOf(list fwk.NodeScoreList) string {
	scores := make([]int64, len(list))
	for i := range list {
		scores[i] = list[i].Score
	}
	return fmt.Sprint(scores)
}

// count keeps how often each verdict was seen, so that a run shows what it has covered.
func (c *comparison) count(point string, s *framework.Status) {
	c.verdicts[c.ours.Name()+" "+point+" "+s.Code().String()]++
}

func ourVerdict(s *framework.Status) string {
	reasons := slices.Sorted(slices.Values(s.Reasons()))
	return fmt.Sprintf("%s %q", s.Code(), reasons)
}

func theirVerdict(s *fwk.Status) string {
	var reasons []string
	if s != nil {
		reasons = slices.Sorted(slices.Values(s.Reasons()))
	}
	return fmt.Sprintf("%s %q", s.Code(), reasons)
}
