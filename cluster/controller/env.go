package controller

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Env is what a controller works with. The informers are shared by all controllers of the process and use a client
// without a rate limit; every clientset has a token bucket of its own, as in kube-controller-manager.
type Env struct {
	Process *host.Process
	// NewClient returns a clientset that acts as the controller's service account, limited to the process's client
	// rate (20 queries a second, burst 30 by default).
	NewClient func(serviceAccount string) *client.Client
	// NewScaledClient is NewClient with both rates multiplied, as two controllers upstream have it.
	NewScaledClient func(serviceAccount string, qpsFactor int64, burstFactor int) *client.Client
	Informers       *client.Informers
	Metrics         *metrics.Registry
	// Gates are the API servers' feature gates that are not at their default.
	Gates map[string]bool
}

// Resources lists what the API servers serve: what controllers for all kinds learn from discovery.
func (e *Env) Resources() []*api.Resource {
	var served []*api.Resource
	for _, r := range api.Resources() {
		if r.Served(e.Gates) {
			served = append(served, r)
		}
	}
	return served
}

// Controller is one control loop of the manager.
type Controller interface {
	// Start registers informer handlers and starts the controller's tasks, which wait for the informers to sync.
	Start(env *Env)
}

// Entry is a controller under the name by which kube-controller-manager's --controllers flag knows it.
type Entry struct {
	Name string
	New  func() Controller
}

// Now is the machine's wall time as API objects carry it: whole seconds.
func (e *Env) Now() metav1.Time { return client.Now(e.Process) }

// Clock is the machine's wall time, for comparison with times in objects.
func (e *Env) Clock() time.Time { return e.Process.Wall().Time() }

// Recorder returns an event recorder for a component of the manager; its Events draw from c's token bucket.
func (e *Env) Recorder(c *client.Client, component string) *client.Recorder {
	// kube-controller-manager leaves the source's host empty.
	return client.NewRecorder(c, e.Process, component, "")
}

// Synced returns a function that parks a task until the informers have their initial state.
func (e *Env) Synced(informers ...*client.Informer) func(*sim.Task) bool {
	return func(t *sim.Task) bool {
		for _, i := range informers {
			if t.Wait(sim.Forever, i.HasSynced()) < 0 {
				return false
			}
		}
		return true
	}
}

// User is who a controller's service account in kube-system is to the API server.
func User(serviceAccount string) *api.User {
	return &api.User{
		Name:   "system:serviceaccount:kube-system:" + serviceAccount,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
	}
}
