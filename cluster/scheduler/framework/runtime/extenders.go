package runtime

import (
	"maps"
	"slices"

	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// passExtenders leaves of the feasible nodes those that every extender leaves. The statuses of the others name no plugin.
func (a *Algorithm) passExtenders(f *Framework, c *framework.Cycle) error {
	var nodes []*framework.NodeInfo
	bare := false
	for _, e := range f.config.Extenders {
		if nodes == nil {
			nodes = nodesOf(c, a.feasible)
		}
		if len(nodes) == 0 {
			break
		}
		if !e.IsInterested(c.Pod.Pod) {
			continue
		}
		verdict, err := e.Filter(c.Pod.Pod, nodes)
		if err != nil && e.IsIgnorable() {
			continue
		}
		if err != nil {
			return err
		}
		a.refuse(c, framework.UnschedulableAndUnresolvable, verdict.Unresolvable, nil)
		a.refuse(c, framework.Unschedulable, verdict.Failed, verdict.Unresolvable)
		nodes, bare = verdict.Nodes, bare || verdict.Bare
		if nodes == nil {
			nodes = []*framework.NodeInfo{}
		}
	}
	if nodes == nil {
		return nil
	}
	a.feasible = a.feasible[:0]
	for _, n := range nodes {
		a.feasible = append(a.feasible, n.Slot)
	}
	if c.Bare = nil; bare {
		c.Bare = nodes
	}
	return nil
}

func nodesOf(c *framework.Cycle, slots []int32) []*framework.NodeInfo {
	nodes := make([]*framework.NodeInfo, len(slots))
	for i, slot := range slots {
		nodes[i] = c.Snapshot.Nodes[slot]
	}
	return nodes
}

// refuse notes why an extender refused nodes, but for those that it refused for a better reason.
func (a *Algorithm) refuse(c *framework.Cycle, code framework.Code, why, but map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(why)) {
		if _, already := but[name]; already {
			continue
		}
		if node := c.Snapshot.Node(name); node != nil {
			a.statuses.Set(node.Slot, framework.NewStatus(code, why[name]))
		}
	}
}

// prioritize adds the extenders' scores, brought from their scale to the plugins'. One that fails gives none.
func (a *Algorithm) prioritize(f *Framework, c *framework.Cycle) {
	nodes := c.Bare
	if nodes == nil {
		nodes = nodesOf(c, a.feasible)
	}
	at := map[string]int{}
	for i, n := range nodes {
		at[n.Name()] = i
	}
	a.scores.extended = make([]bool, len(nodes))
	for _, e := range f.config.Extenders {
		if !e.IsInterested(c.Pod.Pod) {
			continue
		}
		list, weight, err := e.Prioritize(c.Pod.Pod, nodes)
		if err != nil {
			continue
		}
		part := PluginScores{Name: e.Name(), Weight: 1, Scores: make([]int64, len(nodes))}
		for _, one := range list {
			i, known := at[one.Host]
			if !known {
				continue
			}
			score := one.Score * weight * (framework.MaxNodeScore / extenderv1.MaxExtenderPriority)
			part.Scores[i] += score
			a.scores.Total[i] += score
			a.scores.extended[i] = true
		}
		a.scores.Extender = append(a.scores.Extender, part)
	}
}

// bindByExtender lets the extender that binds do it, if it is interested in the pod; otherwise, or if it fails and may be ignored, the
// plugins.
func (f *Framework) bindByExtender(from int, c *framework.Cycle, node string, done func(*framework.Status)) {
	for i := from; i < len(f.config.Extenders); i++ {
		e := f.config.Extenders[i]
		if !e.IsBinder() || !e.IsInterested(c.Pod.Pod) {
			continue
		}
		e.Bind(c.Pod.Pod, node, func(err error) {
			switch {
			case err != nil && e.IsIgnorable():
				f.bindByExtender(i+1, c, node, done)
			case err != nil:
				done(framework.AsStatus(err))
			default:
				done(nil)
			}
		})
		return
	}
	f.bindFrom(0, c, node, done)
}
