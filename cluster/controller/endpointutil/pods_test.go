package endpointutil

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func readyAt(name string, second int64) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(second, 0)},
	}}}
}

func TestTriggerTimesAreTheEarliestOfWhatIsNew(t *testing.T) {
	svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web", CreationTimestamp: metav1.Unix(10, 0)}}
	tt := NewTriggerTimes()
	for _, c := range []struct {
		name string
		pods []*corev1.Pod
		want int64 // 0: none
	}{
		{"a new Service: its creation", []*corev1.Pod{readyAt("a", 5), readyAt("b", 20)}, 10},
		{"nothing new", []*corev1.Pod{readyAt("a", 5), readyAt("b", 20)}, 0},
		{"two changes: the earlier", []*corev1.Pod{readyAt("a", 31), readyAt("b", 30)}, 30},
		{"a new pod", []*corev1.Pod{readyAt("a", 31), readyAt("b", 30), readyAt("c", 33)}, 33},
		{"a pod is gone", []*corev1.Pod{readyAt("a", 31)}, 0},
	} {
		got := tt.Compute(svc, c.pods)
		if want := time.Unix(c.want, 0); c.want == 0 && !got.IsZero() || c.want != 0 && !got.Equal(want) {
			t.Errorf("%s: got %v, want second %d", c.name, got, c.want)
		}
	}
	tt.Forget("demo/web")
	if got := tt.Compute(svc, nil); !got.Equal(time.Unix(10, 0)) {
		t.Errorf("a Service that is made anew starts anew: %v", got)
	}
}

func TestPodsWithEndpoints(t *testing.T) {
	running := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"}
	going := metav1.ObjectMeta{DeletionTimestamp: api.Ptr(metav1.Unix(1, 0))}
	for _, c := range []struct {
		name        string
		pod         corev1.Pod
		terminating bool
		want        bool
	}{
		{"running", corev1.Pod{Status: running}, false, true},
		{"without an address", corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}, true, false},
		{"ended", corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, PodIP: "10.0.0.1"}}, true, false},
		{"going, not wanted", corev1.Pod{ObjectMeta: going, Status: running}, false, false},
		{"going, wanted", corev1.Pod{ObjectMeta: going, Status: running}, true, true},
	} {
		if got := Includes(&c.pod, c.terminating); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestPortsByNumberAndName(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}}}},
		InitContainers: []corev1.Container{
			{Ports: []corev1.ContainerPort{{Name: "setup", ContainerPort: 1, Protocol: corev1.ProtocolTCP}}},
			{RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "mesh", ContainerPort: 15001, Protocol: corev1.ProtocolTCP}}},
		},
	}}
	for target, want := range map[string]int32{"80": 80, "http": 8080, "mesh": 15001, "setup": 0, "none": 0} {
		got, err := FindPort(pod, &corev1.ServicePort{Protocol: corev1.ProtocolTCP, TargetPort: intstr.Parse(target)})
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: got %d, %v", target, got, err)
		}
	}
	if _, err := FindPort(pod, &corev1.ServicePort{Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromString("http")}); err == nil {
		t.Error("the protocol counts")
	}
}
