package defaultpreemption

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// askExtenders leaves the candidates that the extenders which preempt leave, with the victims that they name.
func (p *DefaultPreemption) askExtenders(c *framework.Cycle, candidates []candidate) ([]candidate, error) {
	if len(p.handle.Extenders) == 0 {
		return candidates, nil
	}
	victims := map[string]*extenderv1.Victims{}
	for i := range candidates {
		victims[candidates[i].node] = candidates[i].forExtender()
	}
	for _, e := range p.handle.Extenders {
		if !e.SupportsPreemption() || !e.IsInterested(c.Pod.Pod) {
			continue
		}
		left, err := e.ProcessPreemption(c.Pod.Pod, victims, c.Snapshot)
		if err != nil && e.IsIgnorable() {
			continue
		}
		if err == nil {
			err = withoutEmpty(left, e.IsIgnorable())
		}
		if err != nil {
			return nil, err
		}
		if victims = left; len(victims) == 0 {
			break
		}
	}
	return restored(c, candidates, victims), nil
}

// withoutEmpty refuses nodes without victims, or drops them if the extender may be ignored.
func withoutEmpty(victims map[string]*extenderv1.Victims, ignorable bool) error {
	for _, node := range slices.Sorted(maps.Keys(victims)) {
		if v := victims[node]; v != nil && len(v.Pods) > 0 {
			continue
		}
		if !ignorable {
			return fmt.Errorf("expected at least one victim pod on node %q", node)
		}
		delete(victims, node)
	}
	return nil
}

func (c *candidate) forExtender() *extenderv1.Victims {
	v := &extenderv1.Victims{NumPDBViolations: int64(c.violations)}
	for _, victim := range c.victims {
		v.Pods = append(v.Pods, victim.Pod)
	}
	return v
}

// restored turns victims back into candidates: in the order in which they were found, then by name (upstream: any order).
func restored(c *framework.Cycle, before []candidate, victims map[string]*extenderv1.Victims) []candidate {
	var names []string
	for i := range before {
		if victims[before[i].node] != nil {
			names = append(names, before[i].node)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(victims)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var after []candidate
	for _, name := range names {
		v := victims[name]
		one := candidate{node: name, violations: int(v.NumPDBViolations)}
		for _, pod := range v.Pods {
			one.victims = append(one.victims, infoOf(c.Snapshot.Node(name), pod))
		}
		after = append(after, one)
	}
	return after
}

// infoOf finds a victim on its node.
func infoOf(node *framework.NodeInfo, pod *corev1.Pod) *framework.PodInfo {
	i := slices.IndexFunc(node.Pods, func(p *framework.PodInfo) bool { return p.Pod.UID == pod.UID })
	return node.Pods[i]
}
