package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// booting is what a cluster that starts from nothing still lacks.
type booting struct {
	// nodes are those that are not Ready, or have a taint that says so, yet.
	nodes map[string]bool
	// account: pods need the namespace's service account, which a controller makes.
	account bool
	ready   sim.Signal
}

const defaultAccount = "default/default"

// boot starts the task that waits for the cluster and then begins the steps.
func (r *run) boot() {
	if r.store != nil {
		r.store.boot()
		return
	}
	b := &booting{nodes: map[string]bool{}, account: true}
	for _, n := range r.cluster.Nodes() {
		b.nodes[n.Name] = true
	}
	if !r.cluster.Topology().ControlPlane.Headless {
		for _, m := range r.cluster.ControlPlane() {
			b.nodes[m.Name()] = true
		}
	}
	r.booting = b
	limit := bootLimit(len(b.nodes))
	r.operator().Go("boot", func(t *sim.Task) {
		if !t.Within(limit, func() { r.awaitCluster(t) }) {
			r.fail("the cluster did not boot within %v: %s", limit, b.missing())
			return
		}
		r.begin()
	})
}

// operator is the process of the workstation, whose tasks carry out the steps.
func (r *run) operator() *host.Process { return r.cluster.Operator() }

// awaitCluster returns when the API answers and nothing is missing, or the task's time is up.
func (r *run) awaitCluster(t *sim.Task) {
	const pause = 500 * time.Millisecond
	for t.Err() == nil {
		if _, err := client.Get[*corev1.Namespace](t, r.cluster.Kubectl(), api.Namespaces, "", "default"); err == nil {
			break
		}
		t.Sleep(pause)
	}
	if t.Err() == nil {
		t.Wait(sim.Forever, &r.booting.ready)
	}
}

// commit takes over what a commit says about nodes and the service account.
func (b *booting) commit(c *cluster.Commit) {
	for i := range c.Changes {
		switch change := &c.Changes[i]; change.Resource {
		case api.Nodes:
			if node, ok := change.New.(*corev1.Node); ok && usable(node) {
				delete(b.nodes, change.Key)
			} else if ok {
				b.nodes[change.Key] = true
			}
		case api.ServiceAccounts:
			b.account = b.account && change.Key != defaultAccount
		}
	}
	if len(b.nodes) == 0 && !b.account {
		b.ready.Set()
	} else {
		b.ready.Clear()
	}
}

// usable reports whether a node is Ready and nothing in its taints denies it.
func usable(n *corev1.Node) bool {
	for _, taint := range n.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			return false
		}
	}
	return api.IsNodeReady(n)
}

func (b *booting) missing() string {
	const shown = 5
	var parts []string
	if names := slices.Sorted(maps.Keys(b.nodes)); len(names) > shown {
		parts = append(parts, fmt.Sprintf("%d nodes are not ready, %s and others", len(names), strings.Join(names[:shown], ", ")))
	} else if len(names) > 0 {
		parts = append(parts, "not ready: "+strings.Join(names, ", "))
	}
	if b.account {
		parts = append(parts, "the namespace default has no service account")
	}
	if len(parts) == 0 {
		return "the API does not answer"
	}
	return strings.Join(parts, "; ")
}

// begin is step time 0.
func (r *run) begin() {
	r.origin, r.started, r.booting = r.simulation.Now(), true, nil
	if r.options.Begun != nil {
		r.options.Begun(r.origin)
	}
	r.armLimits()
	r.judge.Begin()
	if r.store != nil {
		r.store.begin()
	}
	for _, s := range r.steps {
		r.operator().Go("step "+s.ID, func(t *sim.Task) { r.perform(t, s) })
	}
	r.consider()
}
