package controller

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func TestWhatBelongsToWhom(t *testing.T) {
	gone := metav1.Unix(1, 0)
	owner := metav1.ObjectMeta{Namespace: "demo", Name: "rs", UID: "me"}
	dying := owner
	dying.DeletionTimestamp = &gone
	by := func(uid string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{UID: "other"}, {UID: "x", Controller: api.Ptr(false)}, {Controller: api.Ptr(true), UID: types.UID(uid)}}
	}
	match, other := map[string]string{"app": "web"}, map[string]string{"app": "db"}
	for _, c := range []struct {
		name   string
		owner  metav1.ObjectMeta
		object metav1.ObjectMeta
		want   claim
	}{
		{"ours and selected", owner, metav1.ObjectMeta{Namespace: "demo", Labels: match, OwnerReferences: by("me")}, keep},
		{"ours and no longer selected", owner, metav1.ObjectMeta{Namespace: "demo", Labels: other, OwnerReferences: by("me")}, release},
		{"ours, but we are going", dying, metav1.ObjectMeta{Namespace: "demo", Labels: other, OwnerReferences: by("me")}, ignore},
		{"somebody else's", owner, metav1.ObjectMeta{Namespace: "demo", Labels: match, OwnerReferences: by("you")}, ignore},
		{"an orphan", owner, metav1.ObjectMeta{Namespace: "demo", Labels: match}, adopt},
		{"an orphan that is not selected", owner, metav1.ObjectMeta{Namespace: "demo", Labels: other}, ignore},
		{"an orphan that is going", owner, metav1.ObjectMeta{Namespace: "demo", Labels: match, DeletionTimestamp: &gone}, ignore},
		{"an orphan for an owner that is going", dying, metav1.ObjectMeta{Namespace: "demo", Labels: match}, ignore},
		{"an orphan of another namespace", owner, metav1.ObjectMeta{Namespace: "else", Labels: match}, ignore},
	} {
		if got := decide(&c.owner, &c.object, api.SelectorOf(match)); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
