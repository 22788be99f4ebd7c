package observe

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Settling knows since when every desired state holds. Desired is:
//
//   - of a Deployment (and likewise of ReplicaSets, StatefulSets and DaemonSets): its controller has seen the latest
//     specification, and as many replicas as it asks for are updated and available, and there are no others;
//   - of a Node: it is Ready if its machine is up, and not Ready if it is not;
//   - of a Pod: it is ready, or has ended. One that is being deleted must go, unless its machine is down, when nobody can
//     say that its containers have stopped; static pods and those of DaemonSets stay on such a machine as they are.
type Settling struct {
	simulation *sim.Simulation
	cluster    *cluster.Cluster
	unsettled  map[objectKey]struct{}
	since      sim.Time
	changed    func()
	refreshing bool
	watched    map[string]bool
}

type objectKey struct {
	resource *api.Resource
	key      string
}

// NewSettling follows a cluster. changed is called when everything desired has come to hold, and when it has ceased to.
func NewSettling(s *sim.Simulation, c *cluster.Cluster, changed func()) *Settling {
	t := &Settling{simulation: s, cluster: c, unsettled: map[objectKey]struct{}{}, changed: changed, watched: map[string]bool{}}
	t.WatchMachines()
	return t
}

// WatchMachines begins to follow machines that are new.
func (t *Settling) WatchMachines() {
	for _, m := range t.cluster.ControlPlane() {
		t.watch(m)
	}
	for _, n := range t.cluster.Nodes() {
		if n.Machine() != nil {
			t.watch(n.Machine())
		}
	}
}

func (t *Settling) watch(m *host.Machine) {
	if !t.watched[m.Name()] {
		t.watched[m.Name()] = true
		m.Observe(powerObserver{t})
	}
}

// Since is the instant from which every desired state has held; false while one does not.
func (t *Settling) Since() (sim.Time, bool) { return t.since, len(t.unsettled) == 0 }

// Commit takes over a commit.
func (t *Settling) Commit(c *cluster.Commit) {
	before := len(t.unsettled)
	for i := range c.Changes {
		change := &c.Changes[i]
		switch change.Resource {
		case api.Pods, api.Nodes, api.Deployments, api.ReplicaSets, api.StatefulSets, api.DaemonSets:
			t.note(objectKey{change.Resource, change.Key}, change.New)
		}
	}
	t.compare(before)
}

func (t *Settling) note(k objectKey, o api.Object) {
	_, was := t.unsettled[k]
	switch is := o != nil && !t.Desired(o); {
	case is && !was:
		t.unsettled[k] = struct{}{}
	case was && !is:
		delete(t.unsettled, k)
	}
}

func (t *Settling) compare(before int) {
	now := len(t.unsettled)
	if before > 0 && now == 0 {
		t.since = t.simulation.Now()
	}
	if (before == 0) != (now == 0) && t.changed != nil {
		t.changed()
	}
}

// Refresh looks at all nodes and pods again, after power has come or gone.
func (t *Settling) Refresh() {
	before := len(t.unsettled)
	for _, r := range []*api.Resource{api.Nodes, api.Pods} {
		for _, o := range t.cluster.Store().List(r, "", nil) {
			t.note(objectKey{r, api.KeyOf(o)}, o)
		}
	}
	t.compare(before)
}

// powerObserver has nodes and pods looked at again once what happens to a machine has happened.
type powerObserver struct{ t *Settling }

func (p powerObserver) ProcessDown(*host.Process)       {}
func (p powerObserver) ProcessPaused(*host.Process)     { p.later() }
func (p powerObserver) ProcessResumed(*host.Process)    { p.later() }
func (p powerObserver) MachineDown(*host.Machine)       { p.later() }
func (p powerObserver) MachineUp(machine *host.Machine) { p.later() }

func (p powerObserver) later() {
	if p.t.refreshing {
		return
	}
	p.t.refreshing = true
	p.t.simulation.World().After(0, func() {
		p.t.refreshing = false
		p.t.Refresh()
	})
}

// up reports whether a node's machine has power and runs.
func (t *Settling) up(node string) bool {
	if n := t.cluster.Node(node); n != nil {
		return n.Up()
	}
	for _, m := range t.cluster.ControlPlane() {
		if m.Name() == node {
			return m.Up() && !m.Paused()
		}
	}
	return false // Its machine was taken away.
}

// Desired reports whether an object is as it should be; those of other kinds are.
func (t *Settling) Desired(o api.Object) bool {
	switch o := o.(type) {
	case *corev1.Node:
		return api.IsNodeReady(o) == t.up(o.Name)
	case *corev1.Pod:
		return t.podDesired(o)
	}
	return workloadDesired(o)
}

func (t *Settling) podDesired(pod *corev1.Pod) bool {
	switch {
	case api.IsPodTerminal(pod):
		return pod.DeletionTimestamp == nil
	case pod.Spec.NodeName == "" || t.up(pod.Spec.NodeName):
		return pod.DeletionTimestamp == nil && api.IsPodReady(pod)
	case pod.DeletionTimestamp != nil:
		return true
	}
	owner := api.ControllerOf(&pod.ObjectMeta)
	return owner != nil && (owner.Kind == "Node" || owner.Kind == "DaemonSet")
}

func workloadDesired(o api.Object) bool {
	switch o := o.(type) {
	case *appsv1.Deployment:
		want, s := api.Deref(o.Spec.Replicas, 1), &o.Status
		return s.ObservedGeneration >= o.Generation && (o.Spec.Paused || s.UpdatedReplicas == want) && s.Replicas == want && s.AvailableReplicas == want
	case *appsv1.ReplicaSet:
		want, s := api.Deref(o.Spec.Replicas, 1), &o.Status
		return s.ObservedGeneration >= o.Generation && s.Replicas == want && s.AvailableReplicas == want
	case *appsv1.StatefulSet:
		want, s := api.Deref(o.Spec.Replicas, 1), &o.Status
		return s.ObservedGeneration >= o.Generation && s.UpdatedReplicas == want && s.ReadyReplicas == want
	case *appsv1.DaemonSet:
		s := &o.Status
		return s.ObservedGeneration >= o.Generation && s.UpdatedNumberScheduled == s.DesiredNumberScheduled && s.NumberAvailable == s.DesiredNumberScheduled
	}
	return true
}
