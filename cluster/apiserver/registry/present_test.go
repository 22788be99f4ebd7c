package registry

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// A Service that became an ExternalName keeps its policy in the store; answers do not show it.
func TestExternalNameIsShownWithoutPolicy(t *testing.T) {
	policy := corev1.ServiceInternalTrafficPolicyCluster
	for kind, shown := range map[corev1.ServiceType]bool{corev1.ServiceTypeExternalName: false, corev1.ServiceTypeClusterIP: true} {
		stored := &corev1.Service{Spec: corev1.ServiceSpec{Type: kind, InternalTrafficPolicy: &policy}}
		answer := For(api.Services).Present(stored).(*corev1.Service)
		if (answer.Spec.InternalTrafficPolicy != nil) != shown {
			t.Errorf("%s: answers show the policy: %t, want %t", kind, !shown, shown)
		}
		if stored.Spec.InternalTrafficPolicy == nil {
			t.Errorf("%s: the stored Service was changed", kind)
		}
	}
}

// An EndpointSlice written with empty lists reads as one without, as it comes back from the store.
func TestEmptyListsOfEndpointSlicesAreNone(t *testing.T) {
	w := demo()
	written := &discoveryv1.EndpointSlice{
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{}, Ports: []discoveryv1.EndpointPort{},
	}
	written.Name = "web-1"
	out, err := For(api.EndpointSlices).Create(w.context(), "demo", written)
	must(t, err)
	stored := out.Object.(*discoveryv1.EndpointSlice)
	if stored.Endpoints != nil || stored.Ports != nil {
		t.Errorf("stored with endpoints %v and ports %v, want none", stored.Endpoints, stored.Ports)
	}
	if written.Endpoints == nil {
		t.Error("the object that was sent has been changed")
	}
}
