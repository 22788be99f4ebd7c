package oracle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// drawBudgets draws disruption budgets for some of the apps.
func drawBudgets(t *rapid.T) (budgets []*policyv1.PodDisruptionBudget) {
	for _, app := range []string{"web", "db", "batch"} {
		if !rapid.Bool().Draw(t, "budget") {
			continue
		}
		b := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: app}}
		b.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
		b.Status.DisruptionsAllowed = int32(testcluster.Pick(t, "allowed", []int{0, 1}))
		budgets = append(budgets, b)
	}
	return budgets
}

// comparePreemption compares what preemption makes of a pod that fits nowhere.
func (a *attempt) comparePreemption() {
	fakes := a.w.fakes
	fakes.PDBs, fakes.Did = drawBudgets(a.t), nil
	nominate, status := a.w.fw.PostFilter(a.cycle, a.got.Diagnosis.Statuses)
	a.cycle.Publish()
	plugin, err := defaultpreemption.New(context.Background(),
		&config.DefaultPreemptionArgs{MinCandidateNodesPercentage: 10, MinCandidateNodesAbsolute: 100}, a.w.theirs.fw, feature.Features{})
	if err != nil {
		a.t.Fatal(err)
	}
	potential := a.potential()
	if len(potential) == 0 {
		return
	}
	candidates, refused, err := plugin.Evaluator.DryRunPreemption(context.Background(), a.state, a.pod, potential, fakes.PDBs, 0, int32(len(a.order)))
	if err != nil {
		a.t.Fatal(err)
	}
	if len(candidates) == 0 {
		if want := a.hopeless(refused.ForEachExplicitNode); status.Message() != want {
			a.t.Fatalf("preemption says %q, upstream %q", status.Message(), want)
		}
		return
	}
	a.preempted = true
	if nominate == nil || nominate.Node == "" {
		a.t.Fatalf("upstream has preemption candidates, we have none: %s", status.Message())
	}
	a.sameVictims(nominate.Node, a.choices(plugin.Evaluator, candidates))
}

// potential are the nodes that refused the pod in a way that preemption may help.
func (a *attempt) potential() []fwk.NodeInfo {
	var potential []fwk.NodeInfo
	for _, node := range a.order {
		if s := a.refusals[node.Node().Name]; s != nil && s.Code() == fwk.Unschedulable {
			potential = append(potential, node)
		}
	}
	return potential
}

// hopeless is upstream's message when no node can be made room on.
func (a *attempt) hopeless(each func(func(string, *fwk.Status))) string {
	reasons, nodes := map[string]int{}, 0
	each(func(_ string, s *fwk.Status) {
		nodes++
		for _, reason := range s.Reasons() {
			reasons[reason]++
		}
	})
	if rest := len(a.order) - nodes; rest > 0 {
		reasons["Preemption is not helpful for scheduling"] += rest
	}
	var lines []string
	for reason, n := range reasons {
		lines = append(lines, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(lines)
	return fmt.Sprintf("no new claims to deallocate, preemption: 0/%d nodes are available: %s.", len(a.order), strings.Join(lines, ", "))
}

// tries is how often upstream is asked to choose: its map order then shows nearly all of at most seven candidates.
const tries = 30

// choices are the nodes that upstream may choose, with their victims.
func (a *attempt) choices(e *preemption.Evaluator, candidates []preemption.Candidate) map[string][]string {
	choices := map[string][]string{}
	for range tries {
		chosen := e.SelectCandidate(context.Background(), candidates)
		var victims []string
		for _, victim := range chosen.Victims().Pods {
			victims = append(victims, victim.Name)
		}
		slices.Sort(victims)
		choices[chosen.Name()] = victims
	}
	return choices
}

func (a *attempt) sameVictims(node string, choices map[string][]string) {
	want, ok := choices[node]
	if !ok {
		a.t.Fatalf("we preempt on %s, upstream on one of %v", node, choices)
	}
	var deleted []string
	for _, action := range a.w.fakes.Did {
		if victim, ok := strings.CutPrefix(action, "delete "); ok {
			deleted = append(deleted, victim)
		}
	}
	slices.Sort(deleted)
	if !slices.Equal(deleted, want) {
		a.t.Fatalf("on %s we delete %v, upstream %v", node, deleted, want)
	}
}
