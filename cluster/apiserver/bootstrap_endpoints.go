package apiserver

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// The lease reconciler of the kubernetes service (k8s.io/kubernetes pkg/controlplane/reconcilers): every 10 s each server
// writes a key that lives for 15 s, and makes the service's endpoints those servers that have one.
const (
	endpointsPeriod = 10 * time.Second
	masterLease     = 15 * time.Second
	leasePrefix     = "/registry/masterleases/"
)

type endpointReconciler struct {
	server *Server
	write  storage.Write
	ips    []string
}

func startEndpoints(s *Server) {
	if s.config.AdvertiseIP != "" {
		r := &endpointReconciler{server: s}
		s.process.At(bootstrapRetry, 0, s.kinds.endpoints, 0, r)
	}
}

// run renews the server's own key; Done goes on.
func (r *endpointReconciler) run() {
	s := r.server
	// The next turn is a value of its own: a store that does not answer may hold this one for longer than a period.
	s.process.At(endpointsPeriod, 0, s.kinds.endpoints, 0, &endpointReconciler{server: s})
	r.write = storage.Write{Store: s.store, Key: leasePrefix + s.config.AdvertiseIP, Decider: r}
	s.store.Get(r.write.Key, func(obj api.Object, _ int64, err error) {
		if err != nil {
			return // The next turn is in 10 s.
		}
		r.write.Create, r.write.Cached = obj == nil, obj
		r.write.Start()
	})
}

// Decide always writes: what counts is the new expiry.
func (r *endpointReconciler) Decide(api.Object) {
	ip := r.server.config.AdvertiseIP
	r.write.Decided(storage.Decision{Action: storage.Put, TTL: masterLease, Object: &corev1.Endpoints{
		ObjectMeta: metav1.ObjectMeta{Name: ip},
		Subsets:    []corev1.EndpointSubset{{Addresses: []corev1.EndpointAddress{{IP: ip}}}},
	}}, nil)
}

// Done reads which servers are alive.
func (r *endpointReconciler) Done(_ api.Object, err error) {
	if err != nil {
		return
	}
	r.server.etcd.Range(&mvcc.RangeRequest{Key: leasePrefix, RangeEnd: storage.RangeEnd(leasePrefix)}, func(got *mvcc.RangeResponse, err error) {
		if err != nil {
			return
		}
		r.ips = nil
		for _, kv := range got.KVs {
			r.ips = append(r.ips, strings.TrimPrefix(kv.Key, leasePrefix))
		}
		slices.Sort(r.ips)
		r.reconcile(api.Endpoints, r.endpoints())
		r.reconcile(api.EndpointSlices, r.slice())
	})
}

func (r *endpointReconciler) meta(labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: "kubernetes", Labels: labels}
}

// endpoints is the Endpoints object of the service; its mirroring label says that EndpointSlices are written beside it.
func (r *endpointReconciler) endpoints() api.Object {
	subset := corev1.EndpointSubset{
		Ports: []corev1.EndpointPort{{Name: "https", Port: portOf(r.server.config.Address), Protocol: corev1.ProtocolTCP}},
	}
	for _, ip := range r.ips {
		subset.Addresses = append(subset.Addresses, corev1.EndpointAddress{IP: ip})
	}
	return &corev1.Endpoints{
		ObjectMeta: r.meta(map[string]string{discoveryv1.LabelSkipMirror: "true"}), Subsets: []corev1.EndpointSubset{subset},
	}
}

func (r *endpointReconciler) slice() api.Object {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  r.meta(map[string]string{discoveryv1.LabelServiceName: "kubernetes"}),
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports: []discoveryv1.EndpointPort{{
			Name: api.Ptr("https"), Port: api.Ptr(portOf(r.server.config.Address)), Protocol: api.Ptr(corev1.ProtocolTCP),
		}},
	}
	for _, ip := range r.ips {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: api.Ptr(true)},
		})
	}
	return slice
}

// reconcile creates or corrects one of the two objects.
func (r *endpointReconciler) reconcile(resource *api.Resource, want api.Object) {
	s := r.server
	have := s.Get(resource, "default", "kubernetes")
	request := &api.Request{Verb: api.VerbCreate, Resource: resource, Namespace: "default", Object: want}
	switch {
	case have != nil && sameEndpoints(have, want):
		return
	case have != nil:
		request.Verb, request.Name = api.VerbUpdate, "kubernetes"
		want.SetResourceVersion(have.GetResourceVersion())
	}
	s.do(request, func(api.Object, error) {}) // Whatever comes of it, the next turn compares again.
}

// sameEndpoints compares what the reconciler decides: the addresses and ports.
func sameEndpoints(have, want api.Object) bool {
	switch w := want.(type) {
	case *corev1.Endpoints:
		h := have.(*corev1.Endpoints)
		return api.Equal(&corev1.Endpoints{Subsets: h.Subsets}, &corev1.Endpoints{Subsets: w.Subsets})
	case *discoveryv1.EndpointSlice:
		h := have.(*discoveryv1.EndpointSlice)
		return api.Equal(&discoveryv1.EndpointSlice{Endpoints: h.Endpoints, Ports: h.Ports},
			&discoveryv1.EndpointSlice{Endpoints: w.Endpoints, Ports: w.Ports})
	}
	return false
}
