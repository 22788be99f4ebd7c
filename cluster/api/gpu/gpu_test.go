package gpu

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func pod(annotations string, requests ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{}}}
	for field := range strings.FieldsSeq(annotations) {
		key, value, _ := strings.Cut(field, "=")
		p.Annotations["alibabacloud.com/gpu-"+key] = value
	}
	for _, request := range requests {
		name, amount, _ := strings.Cut(request, "=")
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceName(name): resource.MustParse(amount)},
		}})
	}
	return p
}

func TestRequestOf(t *testing.T) {
	for _, c := range []struct {
		pod  *corev1.Pod
		want string // the request, or a part of the error
	}{
		{pod(""), "{0 0 }"},
		{pod("card-model=T4"), "{0 0 }"},
		{pod("", "nvidia.com/gpu=2", "nvidia.com/gpu=1"), "{3 1000 }"},
		{pod("card-model=T4|P100", "amd.com/gpu=2"), "{2 1000 T4|P100}"},
		{pod("milli=300"), "{1 300 }"},
		{pod("count=4"), "{4 1000 }"},
		{pod("count=2 milli=500"), "{2 500 }"},
		{pod("count=0 milli=0"), "{0 0 }"},
		{pod("count=0"), "{0 0 }"},
		{pod("count=2 milli=1000", "nvidia.com/gpu=2"), "{2 1000 }"},
		{pod("count=0 milli=300"), "want both 0 or neither"},
		{pod("milli=1001"), `gpu-milli: want a whole number from 0 to 1000, got "1001"`},
		{pod("count=some"), `gpu-count: want a whole number from 0 to 1024, got "some"`},
		{pod("milli=300", "nvidia.com/gpu=1"), "want one of both"},
	} {
		r, err := RequestOf(c.pod)
		got := fmt.Sprint(r)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%v %v: %s, want %s", c.pod.Annotations, c.pod.Spec.Containers, got, c.want)
		}
		if err != nil || r.GPUs == 0 {
			continue
		}
		again := pod("")
		again.Annotations = maps.Clone(r.Annotations())
		if back, err := RequestOf(again); back != r || err != nil {
			t.Errorf("%v written as annotations reads %v, %v", r, back, err)
		}
	}
}

func TestIndexes(t *testing.T) {
	for text, want := range map[string]string{"0": "[0]", "2-0-5": "[2 0 5]", "": "[]", "1-1": "want different", "-1": "want different", "1,2": "want different"} {
		indexes, err := Indexes(pod("index=" + text))
		got := fmt.Sprint(indexes)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if err == nil && FormatIndexes(indexes) != text {
			t.Errorf("%q is written %q", text, FormatIndexes(indexes))
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		left []int64
		r    Request
		want string
	}{
		{[]int64{1000, 400, 300, 300}, Request{GPUs: 1, Milli: 300}, "[2]"},
		{[]int64{1000, 400, 300, 200}, Request{GPUs: 1, Milli: 350}, "[1]"},
		{[]int64{900, 1000, 500, 1000, 1000}, Request{GPUs: 2, Milli: 1000}, "[1 3]"},
		{[]int64{900, 1000, 500, 1000}, Request{GPUs: 3, Milli: 500}, "[0 1 2]"},
		{[]int64{900, 1000}, Request{GPUs: 2, Milli: 1000}, "[]"},
		{[]int64{200}, Request{GPUs: 1, Milli: 300}, "[]"},
		{[]int64{200}, Request{}, "[]"},
	} {
		if got := fmt.Sprint(Choose(c.left, c.r)); got != c.want {
			t.Errorf("%v of %v: %s, want %s", c.r, c.left, got, c.want)
		}
	}
}

func TestNodes(t *testing.T) {
	capacity := corev1.ResourceList{"cpu": resource.MustParse("4"), "amd.com/gpu": resource.MustParse("3"), "nvidia.com/gpu": resource.MustParse("0")}
	if name, count := CountOf(capacity); name != "amd.com/gpu" || count != 3 {
		t.Errorf("%s %d", name, count)
	}
	if got := ModelOf(map[string]string{LabelModelNVIDIA: "Tesla-T4"}) + ModelOf(map[string]string{LabelModelNVIDIA: "Tesla-T4", LabelModel: "T4"}); got != "Tesla-T4T4" {
		t.Error(got)
	}
}
