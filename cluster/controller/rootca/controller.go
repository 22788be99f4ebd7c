package rootca

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// Name is the ConfigMap's name.
	Name = "kube-root-ca.crt"
	// descriptionKey and description annotate it, as users see it in real clusters.
	descriptionKey = "kubernetes.io/description"
	description    = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the " +
		"internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."
)

// certificate stands for the cluster's CA certificate: nothing in the simulation verifies it. Its length is that of an
// RSA-2048 certificate as kubeadm makes it.
var certificate = "-----BEGIN CERTIFICATE-----\n" + body() + "-----END CERTIFICATE-----\n"

func body() string {
	const lines, width = 16, 64
	b := make([]byte, 0, lines*(width+1))
	for range lines {
		for range width {
			b = append(b, 'A')
		}
		b = append(b, '\n')
	}
	return string(b)
}

// Controller is the root CA certificate publisher.
type Controller struct {
	env    *controller.Env
	client *client.Client
	queue  *client.WorkQueue[string] // names of namespaces
	cost   host.Op

	namespaces, configMaps *client.Informer
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("root-ca-cert-publisher")
	c.queue = client.NewWorkQueue[string](env.Process, "root_ca_cert_publisher", client.QueueConfig{})
	c.cost = env.Process.Op("kcm.rootca.sync")
	c.configMaps = env.Informers.For(api.ConfigMaps, client.Options{})
	c.namespaces = env.Informers.For(api.Namespaces, client.Options{})
	c.configMaps.OnEvent(client.Handler{
		Update: func(_, cur api.Object) { c.configMapChanged(cur) },
		Delete: c.configMapChanged,
	})
	c.namespaces.OnEvent(client.Handler{
		Add: func(o api.Object) { c.queue.Add(o.GetName()) },
		Update: func(_, cur api.Object) {
			if cur.(*corev1.Namespace).Status.Phase == corev1.NamespaceActive {
				c.queue.Add(cur.GetName())
			}
		},
	})
	// One worker, as cmd/kube-controller-manager starts it.
	loop := controller.Workers[string]{Name: "rootca", Queue: c.queue, Count: 1, Sync: c.sync}
	loop.Run(env.Process, env.Synced(c.configMaps))
}

func (c *Controller) configMapChanged(o api.Object) {
	if o.GetName() == Name {
		c.queue.Add(o.GetNamespace())
	}
}

func (c *Controller) sync(t *sim.Task, namespace string) error {
	data := map[string]string{"ca.crt": certificate}
	found, ok := c.configMaps.Get(namespace, Name)
	if !ok {
		c.env.Process.Compute(t, c.cost, 1)
		return c.create(t, namespace, data)
	}
	published := found.(*corev1.ConfigMap)
	if maps.Equal(published.Data, data) && published.Annotations[descriptionKey] != "" {
		return nil
	}
	c.env.Process.Compute(t, c.cost, 1)
	next := api.Shallow(published)
	next.Data = data
	next.Annotations = api.With(next.Annotations, descriptionKey, description)
	_, err := client.Update(t, c.client, api.ConfigMaps, next)
	return err
}

func (c *Controller) create(t *sim.Task, namespace string, data map[string]string) error {
	_, err := client.Create(t, c.client, api.ConfigMaps, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: Name, Namespace: namespace, Annotations: map[string]string{descriptionKey: description},
		},
		Data: data,
	})
	if apierrors.IsNotFound(err) || controller.IsNamespaceTerminating(err) {
		return nil // The namespace goes.
	}
	return err
}
