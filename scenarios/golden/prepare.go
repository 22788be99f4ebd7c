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
	// namespaceLead is how long before the first step the namespace is created, and nodesLead how long before that of
	// recordings whose nodes are new, by the creation times in out.yaml.
	namespaceLead = time.Second
	nodesLead     = 3 * time.Second
	// monitorPeriod is kube-controller-manager's --node-monitor-period; RegisteredNode Events come at its ticks.
	monitorPeriod = 5 * time.Second
)

// prepare brings the cluster to the state in which the recording begins: the controllers lead, the nodes and the
// namespace exist. The node controller last looked just before the nodes came, so that its first Events about them fall
// into the recording, as they did.
func (r *replay) prepare() {
	for r.leaderSince() == 0 {
		r.task.Sleep(poll)
	}
	phase := time.Duration(int64(r.simulation.Now()-r.leaderSince()) % int64(monitorPeriod))
	r.task.Sleep(settle - phase + time.Second)
	r.give("kubectl apply -f -", strings.Join(r.initialNodes(), "\n---\n"))
	r.task.Sleep(nodesLead - namespaceLead)
	r.give("kubectl create namespace "+r.recording.Name, "")
	r.task.Sleep(namespaceLead)
	for _, o := range r.cluster.Store().List(api.Nodes, "", nil) {
		if node := o.(*corev1.Node); len(node.Spec.Taints) > 0 || node.Spec.PodCIDR == "" {
			r.fail(fmt.Errorf("node %s is not ready when the first step begins: %v", node.Name, node.Spec))
		}
	}
}

// leaderSince is when the controller manager was elected, 0 before.
func (r *replay) leaderSince() sim.Time {
	o, ok := r.cluster.Store().Get(api.Leases, "kube-system/kube-controller-manager")
	if !ok {
		return 0
	}
	acquired := o.(*coordinationv1.Lease).Spec.AcquireTime
	wall := r.task.Process().Wall().Time()
	return r.simulation.Now() - sim.Time(wall.Sub(acquired.Time))
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
