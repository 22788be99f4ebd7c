package oracle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	uframework "k8s.io/kubernetes/pkg/scheduler/framework"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

// TestScheduling schedules pods onto random clusters that change meanwhile, and compares each attempt from end to end.
func TestScheduling(t *testing.T) {
	var seen struct{ attempts, placed, preempted, hopeless int }
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for i := range rapid.IntRange(1, 25).Draw(t, "pods") {
			if rapid.IntRange(0, 5).Draw(t, "change") == 0 {
				w.changeNode(t)
			}
			a := &attempt{t: t, w: w, pod: drawPod(t, i), state: uframework.NewCycleState()}
			w.fakes.Pods[a.pod.Namespace+"/"+a.pod.Name] = a.pod
			a.run()
			seen.attempts++
			switch {
			case a.winner != "":
				seen.placed++
				w.place(t, a.pod, a.winner)
			case a.preempted:
				seen.preempted++
			default:
				seen.hopeless++
			}
		}
	})
	t.Logf("%+v", seen)
}

// attempt is one pod's attempt on both sides.
type attempt struct {
	t     *rapid.T
	w     *world
	pod   *corev1.Pod
	cycle *framework.Cycle
	got   runtime.Attempt
	state fwk.CycleState

	order    []fwk.NodeInfo
	feasible []fwk.NodeInfo
	refusals map[string]*fwk.Status

	winner    string
	preempted bool
}

func (a *attempt) run() {
	w := a.w
	w.update(a.t)
	a.sameOrder()
	start := w.algorithm.Start
	a.cycle = framework.NewCycle(w.symbols.NewPodInfo(a.pod), w.snapshot)
	a.got = w.algorithm.Schedule(w.fw, a.cycle)
	if a.got.Err != nil {
		a.t.Fatal(a.got.Err)
	}
	narrowed, status, _ := w.theirs.fw.RunPreFilterPlugins(context.Background(), a.state, a.pod)
	if !status.IsSuccess() {
		if a.got.Diagnosis == nil || a.got.Diagnosis.PreFilterMessage != status.Message() {
			a.t.Fatalf("PreFilter: %+v, upstream %v", a.got.Diagnosis, status)
		}
		return
	}
	a.filter(narrowed, start)
	a.sameRefusals()
	if fits := a.got.Diagnosis == nil; fits != (len(a.feasible) > 0) {
		a.t.Fatalf("upstream finds %d feasible nodes, we say %+v", len(a.feasible), a.got)
	}
	switch len(a.feasible) {
	case 0:
		a.comparePreemption()
	case 1:
		a.winner = a.feasible[0].Node().Name
		if a.got.Result.Node != a.winner {
			a.t.Fatalf("the only feasible node is %s, we chose %s", a.winner, a.got.Result.Node)
		}
	default:
		a.sameScores()
		a.winner = a.got.Result.Node // the tie rule has a test of its own
	}
}

func (a *attempt) sameOrder() {
	var err error
	if a.order, err = a.w.theirs.snapshot.NodeInfos().List(); err != nil {
		a.t.Fatal(err)
	}
	var ours, theirs []string
	for _, node := range a.order {
		theirs = append(theirs, node.Node().Name)
	}
	for _, slot := range a.w.snapshot.Order {
		ours = append(ours, a.w.name(slot))
	}
	if !slices.Equal(ours, theirs) {
		a.t.Fatalf("order %v, upstream %v", ours, theirs)
	}
}

// filter runs upstream's filters from the rotating start.
func (a *attempt) filter(narrowed *fwk.PreFilterResult, start int) {
	a.refusals = map[string]*fwk.Status{}
	for i := range a.order {
		node := a.order[(start+i)%len(a.order)]
		name := node.Node().Name
		if !narrowed.AllNodes() && !narrowed.NodeNames.Has(name) {
			continue
		}
		status := a.w.theirs.fw.RunFilterPluginsWithNominatedPods(context.Background(), a.state, a.pod, node)
		if status.IsSuccess() {
			a.feasible = append(a.feasible, node)
		} else {
			a.refusals[name] = status
		}
	}
	if !narrowed.AllNodes() {
		slices.SortFunc(a.feasible, func(x, y fwk.NodeInfo) int { return strings.Compare(x.Node().Name, y.Node().Name) })
	}
}

func (a *attempt) sameRefusals() {
	ours, theirs := map[string]string{}, map[string]string{}
	for name, s := range a.refusals {
		theirs[name] = s.Plugin() + " " + theirVerdict(s)
	}
	a.w.algorithm.Statuses().Each(func(slot int32, s *framework.Status) { ours[a.w.name(slot)] = s.Plugin() + " " + ourVerdict(s) })
	if !maps.Equal(ours, theirs) {
		a.t.Fatalf("refusals\n    ours %v\nupstream %v", ours, theirs)
	}
}

func (a *attempt) sameScores() {
	ctx, fw := context.Background(), a.w.theirs.fw
	if s := fw.RunPreScorePlugins(ctx, a.state, a.pod, a.feasible); !s.IsSuccess() {
		a.t.Fatal(s)
	}
	theirs, s := fw.RunScorePlugins(ctx, a.state, a.pod, a.feasible)
	if !s.IsSuccess() {
		a.t.Fatal(s)
	}
	var want, got strings.Builder
	ours := a.w.algorithm.Scores()
	for i, node := range theirs {
		fmt.Fprintf(&want, "\n%s %d", node.Name, node.TotalScore)
		for _, part := range node.Scores {
			fmt.Fprintf(&want, " %s=%d", part.Name, part.Score)
		}
		fmt.Fprintf(&got, "\n%s %d", a.w.name(ours.Slots[i]), ours.Total[i])
		for _, part := range ours.Plugin {
			fmt.Fprintf(&got, " %s=%d", part.Name, part.Scores[i]*part.Weight)
		}
	}
	if got.String() != want.String() {
		a.t.Fatalf("scores\nours%s\nupstream%s\npod %+v", got.String(), want.String(), a.pod.Spec)
	}
}
