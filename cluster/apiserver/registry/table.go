package registry

import (
	"fmt"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// table is indexed by Resource.ID.
var table []*Entry

// init, because some hooks look other entries up.
func init() {
	table = buildTable(
		podEntries(), nodeEntries(), namespaceEntries(), serviceEntries(), configEntries(), eventEntries(),
		volumeEntries(), storageEntries(), quotaEntries(), workloadEntries(), batchEntries(), policyEntries(), coordinationEntries(),
		networkingEntries(), rbacEntries(), podGroupEntries(),
	)
}

// createdByUpdate are the resources whose strategies upstream allow creation by update (AllowCreateOnUpdate).
var createdByUpdate = []*api.Resource{
	api.Endpoints, api.Events, api.EventsV1, api.Leases, api.LimitRanges, api.Services, api.Roles, api.RoleBindings,
	api.ClusterRoles, api.ClusterRoleBindings,
}

// conditional are the resources that are never updated without a resource version (AllowUnconditionalUpdate is false).
var conditional = []*api.Resource{
	api.Namespaces, api.ServiceAccounts, api.Leases, api.PodDisruptionBudgets, api.CSIDrivers, api.CSINodes, api.VolumeAttachments,
}

func buildTable(groups ...[]*Entry) []*Entry {
	t := make([]*Entry, len(api.Resources()))
	for _, e := range slices.Concat(groups...) {
		if t[e.Resource.ID] != nil {
			panic(fmt.Sprintf("registry: two entries for %s", e.Resource))
		}
		t[e.Resource.ID] = complete(e)
	}
	for _, r := range api.Resources() {
		if t[r.ID] == nil {
			panic(fmt.Sprintf("registry: no entry for %s", r))
		}
	}
	return t
}

// complete fills what most entries have in common.
func complete(e *Entry) *Entry {
	if e.Storage == nil {
		e.Storage = e.Resource
	}
	if e.KeyPrefix == "" {
		e.KeyPrefix = "/registry/" + e.Resource.Name + "/"
	}
	e.Status = e.prepareStatus != nil
	e.CreateOnUpdate = slices.Contains(createdByUpdate, e.Resource)
	e.conditionalOnly = slices.Contains(conditional, e.Resource)
	e.admit = append([]admission{namespaceLifecycle}, e.admit...)
	e.refuse = append(e.refuse, resourceQuota)
	return e
}

// on adapts a hook written for one type.
func on[T any](hook func(ctx *Context, obj *T)) func(*Context, api.Object) {
	return func(ctx *Context, obj api.Object) { hook(ctx, any(obj).(*T)) }
}

// pair adapts a hook written for the new and old object of one type.
func pair[T any](hook func(ctx *Context, obj, old *T)) func(*Context, api.Object, api.Object) {
	return func(ctx *Context, obj, old api.Object) { hook(ctx, any(obj).(*T), any(old).(*T)) }
}

// with adapts a hook that looks at one object of one type.
func with[T, R any](hook func(obj *T) R) func(api.Object) R {
	return func(obj api.Object) R { return hook(any(obj).(*T)) }
}

// both adapts a hook that compares the new and old object of one type.
func both[T, R any](hook func(obj, old *T) R) func(api.Object, api.Object) R {
	return func(obj, old api.Object) R { return hook(any(obj).(*T), any(old).(*T)) }
}

// fill adapts a defaulting hook.
func fill[T any](hook func(obj *T)) func(api.Object) {
	return func(obj api.Object) { hook(any(obj).(*T)) }
}
