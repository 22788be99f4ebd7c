package defaultpreemption

import (
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// budgets are the PodDisruptionBudgets with their selectors parsed.
type budgets struct{ all []budget }

type budget struct {
	pdb      *policyv1.PodDisruptionBudget
	selector labels.Selector
}

func newBudgets(pdbs []*policyv1.PodDisruptionBudget) *budgets {
	b := &budgets{}
	for _, pdb := range pdbs {
		selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector)
		if err != nil || selector.Empty() {
			continue // selects no pod
		}
		b.all = append(b.all, budget{pdb, selector})
	}
	return b
}

// split tells the pods whose loss would exceed a budget from the others, counting the losses in the order given.
func (b *budgets) split(pods []*framework.PodInfo) (guarded, free []*framework.PodInfo) {
	allowed := make([]int32, len(b.all))
	for i := range b.all {
		allowed[i] = b.all[i].pdb.Status.DisruptionsAllowed
	}
	for _, p := range pods {
		exceeds := false
		for i := range b.all {
			if !b.all[i].covers(p.Pod) {
				continue
			}
			if allowed[i]--; allowed[i] < 0 {
				exceeds = true
			}
		}
		if exceeds {
			guarded = append(guarded, p)
		} else {
			free = append(free, p)
		}
	}
	return guarded, free
}

// covers reports whether losing the pod counts; a disruption that the API server has granted already doesn't.
func (b *budget) covers(pod *corev1.Pod) bool {
	if b.pdb.Namespace != pod.Namespace || len(pod.Labels) == 0 || !b.selector.Matches(labels.Set(pod.Labels)) {
		return false
	}
	_, granted := b.pdb.Status.DisruptedPods[pod.Name]
	return !granted
}
