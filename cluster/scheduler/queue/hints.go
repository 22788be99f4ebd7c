package queue

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// change is an event with the object's versions before and after.
type change struct {
	event         framework.ClusterEvent
	before, after any
}

// hintTable holds a profile's registered hints, and by incoming event those that cover it, found on first use.
type hintTable struct {
	registered []hint
	covering   map[framework.ClusterEvent][]hint
}

type hint struct {
	plugin framework.PluginID
	event  framework.ClusterEvent
	ask    framework.HintFunc // nil: always Queue
}

func buildHints(profiles map[string]Profile, names *framework.PluginNames) map[string]*hintTable {
	tables := map[string]*hintTable{}
	//sim:unordered one table a profile
	for name, profile := range profiles {
		table := &hintTable{covering: map[framework.ClusterEvent][]hint{}}
		for _, p := range profile.Enqueue {
			table.register(names.ID(p.Name()), p.EventsToRegister())
		}
		tables[name] = table
	}
	return tables
}

// register notes a plugin's events. A plugin that waits for new nodes hears of taint changes too, without looking closer:
// upstream's safeguard for nodes that were tainted when they came (kubernetes/kubernetes issue 109437).
func (t *hintTable) register(plugin framework.PluginID, events []framework.ClusterEventWithHint) {
	nodeAdd, nodeTaint := false, false
	for _, e := range events {
		t.registered = append(t.registered, hint{plugin, e.Event, e.Hint})
		if e.Event.Resource == framework.Node {
			nodeAdd = nodeAdd || e.Event.Action&framework.Add != 0
			nodeTaint = nodeTaint || e.Event.Action&framework.UpdateNodeTaint != 0
		}
	}
	if nodeAdd && !nodeTaint {
		taint := framework.ClusterEvent{Resource: framework.Node, Action: framework.UpdateNodeTaint}
		t.registered = append(t.registered, hint{plugin, taint, nil})
	}
}

func (t *hintTable) covers(event framework.ClusterEvent) []hint {
	if found, ok := t.covering[event]; ok {
		return found
	}
	var found []hint
	for _, h := range t.registered {
		if h.event.Covers(event) {
			found = append(found, h)
		}
	}
	t.covering[event] = found
	return found
}

// interested returns the plugins of any profile that hear of an event, and whether anybody does. Everybody hears a wild card.
func (q *Queue) interested(event framework.ClusterEvent) (plugins framework.PluginSet, any bool) {
	//sim:unordered union
	for _, table := range q.hints {
		for _, h := range table.covers(event) {
			plugins = plugins.With(h.plugin)
		}
	}
	return plugins, plugins != 0 || event.IsWildCard()
}

// worth asks the plugins that refused a pod whether the change may help. One that made the pod pending has it tried at once.
func (q *Queue) worth(info *framework.QueuedPodInfo, c change) strategy {
	rejectors := info.Rejectors()
	if rejectors == 0 {
		return afterBackoff
	}
	if c.event.IsWildCard() {
		return worthOfWildCard(info.Pod, c.after)
	}
	best := skip
	table := q.hints[info.Pod.Spec.SchedulerName]
	if table == nil {
		return afterBackoff
	}
	for _, h := range table.covers(c.event) {
		if !rejectors.Has(h.plugin) || !asks(h, info.Pod, c) {
			continue
		}
		if info.PendingPlugins.Has(h.plugin) {
			return immediately
		}
		if best = afterBackoff; info.PendingPlugins == 0 {
			return best
		}
	}
	return best
}

func asks(h hint, pod *corev1.Pod, c change) bool {
	if h.ask == nil {
		return true
	}
	answer, err := h.ask(pod, c.before, c.after)
	return err != nil || answer == framework.Queue
}

// worthOfWildCard: a wild card that names a pod is for that pod only.
func worthOfWildCard(pod *corev1.Pod, after any) strategy {
	if target, ok := after.(*corev1.Pod); ok && target != nil && target.UID != pod.UID {
		return skip
	}
	return afterBackoff
}

// worthAfterFlight judges a pod that comes back by what happened since it was popped.
func (q *Queue) worthAfterFlight(info *framework.QueuedPodInfo) strategy {
	if info.Rejectors() == 0 || q.inGroup(info.Pod) {
		return afterBackoff // no event says when a group is worth another attempt
	}
	best := skip
	q.inFlight.since(info.Pod.UID, func(c change) bool {
		switch q.worth(info, c) {
		case immediately:
			best = immediately
			return false
		case afterBackoff:
			best = afterBackoff
			return info.PendingPlugins != 0
		}
		return true
	})
	return best
}
