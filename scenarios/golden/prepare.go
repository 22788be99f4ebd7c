package golden

import (
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

const (
	// settle is how long the cluster has been up when its nodes are created.
	settle = 30 * time.Second
	// namespaceLead is how long before the first step the namespace is created, by its creation time in out.yaml.
	namespaceLead = time.Second
	// newNodesLead is how long before the first step the nodes of recordings with new nodes were created; oldNodesLead is
	// long enough for the node controller to be done with them.
	newNodesLead = 3 * time.Second
	oldNodesLead = 12 * time.Second
	// monitorPeriod is kube-controller-manager's --node-monitor-period; RegisteredNode Events come at its ticks.
	monitorPeriod = 5 * time.Second
)

// prepare brings the cluster to the state in which the recording begins: the controllers lead, the nodes and the
// namespace exist, and the node controller is at the recording's place in its period.
func (r *replay) prepare() {
	elected, leads := r.leaderSince()
	for ; !leads; elected, leads = r.leaderSince() {
		r.task.Sleep(poll)
	}
	lead := oldNodesLead
	if r.hasNewNodes() {
		lead = newNodesLead
	}
	start := r.simulation.Now() + sim.Time(settle)
	start += (elected-start-sim.Time(r.firstLook()))%sim.Time(monitorPeriod) + sim.Time(monitorPeriod)
	sleepUntil := func(at sim.Time) { r.task.Sleep(time.Duration(at - r.simulation.Now())) }
	sleepUntil(start - sim.Time(lead))
	r.give("kubectl apply -f -", strings.Join(r.initialNodes(), "\n---\n"))
	sleepUntil(start - sim.Time(namespaceLead))
	r.give("kubectl create namespace "+r.recording.Name, "")
	sleepUntil(start)
	for _, o := range r.cluster.Store().List(api.Nodes, "", nil) {
		if node := o.(*corev1.Node); len(node.Spec.Taints) > 0 || node.Spec.PodCIDR == "" {
			r.fail(fmt.Errorf("node %s is not ready when the first step begins: %v", node.Name, node.Spec))
		}
	}
}

// firstLook is when, after the beginning or before it, the recording's node controller looked at all nodes; only its
// place in the period matters. The Events that it writes when it looks tell.
func (r *replay) firstLook() time.Duration {
	for _, c := range r.recording.Changes {
		switch c.Object.text("reason") {
		case "RegisteredNode", "RemovingNode", "NodeNotReady":
			if c.Object.text("source", "component") == "node-controller" {
				return c.At
			}
		}
	}
	return 0
}

// hasNewNodes reports whether the recording shows a node as registered that was there when it began.
func (r *replay) hasNewNodes() bool {
	added := map[string]bool{}
	for _, c := range r.recording.Changes {
		if c.Type == "ADDED" && c.Object.Kind() == "Node" {
			added[c.Object.Name()] = true
		}
		if c.Object.text("reason") == "RegisteredNode" && !added[c.Object.text("involvedObject", "name")] {
			return true
		}
	}
	return false
}

// leaderSince is when the controller manager was elected, if it has been.
func (r *replay) leaderSince() (at sim.Time, elected bool) {
	o, ok := r.cluster.Store().Get(api.Leases, "kube-system/kube-controller-manager")
	if !ok {
		return 0, false
	}
	acquired := o.(*coordinationv1.Lease).Spec.AcquireTime
	wall := r.task.Process().Wall().Time()
	return r.simulation.Now() - sim.Time(wall.Sub(acquired.Time)), true
}

// initialNodes are the manifests of the nodes that were there when the recording began, from what kubectl remembered in
// their annotations.
func (r *replay) initialNodes() []string {
	manifests := map[string]string{}
	known := map[string]bool{}
	note := func(o Object) {
		if o.Kind() == "Node" && !known[o.Name()] {
			known[o.Name()] = true
			manifests[o.Name()] = o.text("metadata", "annotations", lastApplied)
		}
	}
	for _, c := range r.recording.Changes {
		if c.Type == "ADDED" && c.Object.Kind() == "Node" {
			known[c.Object.Name()] = true
		}
		note(c.Object)
	}
	for _, o := range r.recording.Final {
		note(o)
	}
	var all []string
	for _, name := range sortedKeys(manifests) {
		all = append(all, manifests[name])
	}
	return all
}

// lastApplied is where kubectl apply remembers the manifest.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// give carries out a command that must succeed.
func (r *replay) give(line, input string) {
	sh := r.shell()
	if err := sh.kubectl(line, []byte(input)); err != nil || sh.code != 0 {
		r.fail(fmt.Errorf("%s: %v %s", line, err, slices.Concat(sh.output)))
	}
}

// begin is the moment at which the recorder began.
func (r *replay) begin() {
	r.zero, r.recorded = r.simulation.Now(), true
}
