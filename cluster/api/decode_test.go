package api

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestDecodeIsStrictAndLeavesNoTypeMeta(t *testing.T) {
	good := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {startTime: \"2026-01-01T01:00:00+01:00\"}\n"
	obj, r, err := Decode([]byte(good))
	if err != nil || r != Pods {
		t.Fatalf("Decode = %v, %v", r, err)
	}
	pod := obj.(*corev1.Pod)
	if pod.Kind != "" || pod.Status.StartTime.String() != "2026-01-01 00:00:00 +0000 UTC" {
		t.Errorf("kind %q, start %v", pod.Kind, pod.Status.StartTime)
	}
	for _, bad := range []string{
		"apiVersion: v1\nkind: Pod\nmetadata: {nmae: a}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\n",
	} {
		if _, _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	var notServed *ErrNotServed
	if _, _, err := Decode([]byte("apiVersion: example.com/v1\nkind: Foo\n")); !errors.As(err, &notServed) {
		t.Errorf("unknown kind: %v", err)
	}
}
