package storage

import (
	"bytes"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Every kind that the store can hold comes back as it was, and has the size that it had.
func TestCodecRoundTrip(t *testing.T) {
	objects := []api.Object{&networkingv1.IPAddress{}, &corev1.Endpoints{}}
	for _, r := range api.Resources() {
		objects = append(objects, r.New())
	}
	for _, object := range objects {
		m := api.Meta(object)
		m.Name, m.Namespace, m.Labels = "name", "namespace", map[string]string{"b": "2", "a": "1"}
		m.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		if pod, ok := object.(*corev1.Pod); ok {
			pod.Spec.Containers = []corev1.Container{{Name: "c", Image: "i"}}
			pod.Status.StartTime = &m.CreationTimestamp
		}
		stored := NewStored(object, nil)
		stored.At(7) // The stamp of a revision is not part of what is stored.
		data, err := Codec{}.Encode(stored)
		if err != nil {
			t.Fatalf("%T: %v", object, err)
		}
		back, err := Codec{}.Decode(data)
		if err != nil {
			t.Fatalf("%T: %v", object, err)
		}
		if !api.EqualObjects(back.(*Stored).At(7), stored.At(7)) || back.SizeBytes() != stored.SizeBytes() {
			t.Errorf("%T became %v, %d bytes became %d", object, back, stored.SizeBytes(), back.SizeBytes())
		}
		again, err := Codec{}.Encode(back)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%T: encoded again it differs (%v)", object, err)
		}
	}
}

func TestCodecRefusesWhatIsNoObject(t *testing.T) {
	if _, err := (Codec{}).Encode(mvcc.Bytes("x")); err == nil {
		t.Error("bytes were encoded as an object")
	}
	for _, data := range []string{"", "k8s\x00", "k8s\x00\x0a\x00", "{}"} {
		if v, err := (Codec{}).Decode([]byte(data)); err == nil {
			t.Errorf("%q was decoded as %v", data, v)
		}
	}
}
