package serviceaccount

import (
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// accountName is the service account that every namespace has.
const accountName = "default"

// Controller is the service account controller.
type Controller struct {
	env    *controller.Env
	client *client.Client
	queue  *client.WorkQueue[string] // names of namespaces
	cost   host.Op

	namespaces, accounts *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("service-account-controller")
	c.queue = client.NewWorkQueue[string](env.Process, "serviceaccount", client.QueueConfig{})
	c.cost = env.Process.Op("kcm.serviceaccount.sync")
	c.accounts = env.Informers.For(api.ServiceAccounts, client.Options{})
	c.namespaces = env.Informers.For(api.Namespaces, client.Options{})
	c.accounts.OnEvent(client.Handler{Delete: func(o api.Object) { c.queue.Add(o.GetNamespace()) }})
	c.namespaces.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.queue.Add(o.GetName()) },
		Update: func(_, cur api.Object) { c.queue.Add(cur.GetName()) },
	})
	// One worker, as cmd/kube-controller-manager starts it.
	loop := controller.Workers[string]{Name: "serviceaccount", Queue: c.queue, Count: 1, Sync: c.sync}
	loop.Run(env.Process, env.Synced(c.accounts, c.namespaces))
}

func (c *Controller) sync(t *sim.Task, name string) error {
	found, ok := c.namespaces.Get("", name)
	if !ok || found.(*corev1.Namespace).Status.Phase != corev1.NamespaceActive {
		return nil
	}
	if _, has := c.accounts.Get(name, accountName); has {
		return nil
	}
	c.env.Process.Compute(t, c.cost, 1)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: accountName, Namespace: name}}
	_, err := client.Create(t, c.client, api.ServiceAccounts, account)
	if apierrors.IsAlreadyExists(err) || controller.IsNamespaceTerminating(err) {
		return nil
	}
	return err
}
