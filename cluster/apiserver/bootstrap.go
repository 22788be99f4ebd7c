package apiserver

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/sim/network"
)

const (
	// bootstrapRetry is how long after a failed attempt the next one follows.
	bootstrapRetry = time.Second
	// bootstrapPeriod is how often system namespaces are looked after (controlplane/controller/systemnamespaces).
	bootstrapPeriod = time.Minute
	// serviceIP is the first address of the service range, which the API server takes for itself.
	serviceIP = "10.96.0.1"
)

// bootstrap creates what every cluster has, one object after the other, and looks every minute whether it is still there.
type bootstrap struct {
	server *Server
	wanted []api.Object
	at     int
}

func startBootstrap(s *Server) {
	b := &bootstrap{server: s, wanted: initialObjects(s.config.Address)}
	b.run()
	startEndpoints(s)
}

// initialObjects are what is in a cluster before anybody has done anything.
func initialObjects(address network.Address) []api.Object {
	var objects []api.Object
	for _, name := range []string{"kube-system", "kube-public", "kube-node-lease", "default"} {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return append(objects,
		priorityClass("system-node-critical", 2000001000, "Used for system critical pods that must not be moved from their current node."),
		priorityClass("system-cluster-critical", 2000000000, "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."),
		kubernetesService(address))
}

func priorityClass(name string, value int32, description string) *schedulingv1.PriorityClass {
	return &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value, Description: description}
}

func kubernetesService(address network.Address) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "kubernetes",
			Labels: map[string]string{"provider": "kubernetes", "component": "apiserver"},
		},
		Spec: corev1.ServiceSpec{
			ClusterIP: serviceIP, ClusterIPs: []string{serviceIP}, Type: corev1.ServiceTypeClusterIP,
			SessionAffinity: corev1.ServiceAffinityNone,
			Ports: []corev1.ServicePort{{
				Name: "https", Port: 443, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(portOf(address)),
			}},
		},
	}
}

// portOf is the port of an address, 6443 if it has none.
func portOf(a network.Address) int32 {
	port := int32(0)
	for _, digit := range string(a)[min(len(a.Host())+1, len(a)):] {
		port = port*10 + (digit - '0')
	}
	if port == 0 {
		return 6443
	}
	return port
}

// run goes on with the next object that is missing.
func (b *bootstrap) run() {
	s := b.server
	for ; b.at < len(b.wanted); b.at++ {
		if obj := b.wanted[b.at]; !b.has(obj) {
			b.create(obj)
			return
		}
	}
	b.at = 0
	s.process.At(bootstrapPeriod, 0, s.kinds.bootstrap, 0, b)
}

func (b *bootstrap) has(obj api.Object) bool {
	m := api.Meta(obj)
	return b.server.Get(api.ResourceOf(obj), m.Namespace, m.Name) != nil
}

func (b *bootstrap) create(obj api.Object) {
	s, r := b.server, api.ResourceOf(obj)
	if !s.cacherOf(registry.For(r)).ready {
		s.process.At(bootstrapRetry, 0, s.kinds.bootstrap, 0, b)
		return
	}
	s.do(&api.Request{Verb: api.VerbCreate, Resource: r, Namespace: api.Meta(obj).Namespace, Object: obj}, func(_ api.Object, err error) {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			s.process.At(bootstrapRetry, 0, s.kinds.bootstrap, 0, b)
			return
		}
		b.at++
		b.run()
	})
}
