package kubectl

import "github.com/spf13/pflag"

// verbs is the table of subcommands.
func verbs() map[string]*verb {
	all := []*verb{
		{name: "apply", usage: "-f FILE", least: 1, run: runApply, flags: fileFlags},
		{name: "create", usage: "-f FILE | namespace NAME | deployment NAME --image=IMAGE [--replicas=N] | configmap NAME --from-literal=K=V | secret generic NAME --from-literal=K=V | serviceaccount NAME", least: 2, run: runCreate, flags: createFlags},
		{name: "delete", usage: "TYPE NAME...", least: 1, run: runDelete, flags: deleteFlags},
		{name: "scale", usage: "TYPE NAME --replicas=N", least: 1, run: runScale, flags: func(f *pflag.FlagSet, o *options) {
			f.IntVar(&o.replicas, "replicas", -1, "")
			f.IntVar(&o.currentReplicas, "current-replicas", -1, "")
		}},
		{name: "set image", usage: "TYPE NAME CONTAINER=IMAGE...", least: 2, run: runSetImage, flags: noFlags},
		{name: "patch", usage: "TYPE NAME -p PATCH [--type=strategic|merge|json]", least: 1, run: runPatch, flags: func(f *pflag.FlagSet, o *options) {
			f.StringVarP(&o.patch, "patch", "p", "", "")
			f.StringVar(&o.patchType, "type", "strategic", "")
			f.StringVar(&o.subresource, "subresource", "", "")
		}},
		{name: "label", usage: "TYPE NAME KEY=VALUE|KEY-...", least: 2, run: runLabel, flags: mapFlags},
		{name: "annotate", usage: "TYPE NAME KEY=VALUE|KEY-...", least: 2, run: runAnnotate, flags: mapFlags},
		{name: "taint", usage: "TYPE NAME KEY=VALUE:EFFECT|KEY-...", least: 2, run: runTaint, flags: mapFlags},
		{name: "cordon", usage: "NODE...", least: 1, run: func(e *execution) error { return runCordon(e, true) }, flags: selectorFlag},
		{name: "uncordon", usage: "NODE...", least: 1, run: func(e *execution) error { return runCordon(e, false) }, flags: selectorFlag},
		{name: "drain", usage: "NODE...", least: 1, run: runDrain, flags: drainFlags},
		{name: "evict", usage: "POD...", least: 1, run: runEvict, flags: func(f *pflag.FlagSet, o *options) {
			f.Int64Var(&o.gracePeriod, "grace-period", -1, "")
		}},
		{name: "rollout restart", usage: "TYPE NAME", least: 1, run: runRestart, flags: noFlags},
		{name: "rollout history", usage: "TYPE NAME", least: 1, run: runHistory, flags: noFlags},
		{name: "rollout undo", usage: "TYPE NAME", least: 1, run: runUndo, flags: func(f *pflag.FlagSet, o *options) {
			f.Int64Var(&o.toRevision, "to-revision", 0, "")
		}},
		{name: "rollout pause", usage: "TYPE NAME", least: 1, run: func(e *execution) error { return runPause(e, true) }, flags: noFlags},
		{name: "rollout resume", usage: "TYPE NAME", least: 1, run: func(e *execution) error { return runPause(e, false) }, flags: noFlags},
		{name: "rollout status", usage: "TYPE NAME", least: 1, run: runStatus, flags: timeoutFlag},
		{name: "wait", usage: "TYPE NAME --for=condition=NAME|delete|jsonpath=EXPRESSION=VALUE", least: 1, run: runWait, flags: func(f *pflag.FlagSet, o *options) {
			selectorFlag(f, o)
			f.StringArrayVar(&o.conditions, "for", nil, "")
			f.DurationVar(&o.timeout, "timeout", defaultWait, "")
		}},
	}
	byName := make(map[string]*verb, len(all))
	for _, v := range all {
		byName[v.name] = v
	}
	return byName
}

func noFlags(*pflag.FlagSet, *options) {}

func selectorFlag(f *pflag.FlagSet, o *options) {
	f.StringVarP(&o.selector, "selector", "l", "", "")
	f.BoolVar(&o.all, "all", false, "")
}

func timeoutFlag(f *pflag.FlagSet, o *options) { f.DurationVar(&o.timeout, "timeout", 0, "") }

func fileFlags(f *pflag.FlagSet, o *options) {
	f.StringSliceVarP(&o.files, "filename", "f", nil, "")
}

func createFlags(f *pflag.FlagSet, o *options) {
	f.StringSliceVarP(&o.files, "filename", "f", nil, "")
	f.StringSliceVar(&o.images, "image", nil, "")
	f.StringArrayVar(&o.literals, "from-literal", nil, "")
	f.IntVar(&o.replicas, "replicas", 1, "")
}

func deleteFlags(f *pflag.FlagSet, o *options) {
	selectorFlag(f, o)
	f.StringSliceVarP(&o.files, "filename", "f", nil, "")
	f.BoolVar(&o.force, "force", false, "")
	f.Int64Var(&o.gracePeriod, "grace-period", -1, "")
	f.BoolVar(&o.wait, "wait", true, "")
	f.DurationVar(&o.timeout, "timeout", 0, "")
	f.BoolVar(&o.ignoreNotFound, "ignore-not-found", false, "")
	f.StringVar(&o.cascade, "cascade", "background", "")
}

func mapFlags(f *pflag.FlagSet, o *options) {
	selectorFlag(f, o)
	f.BoolVar(&o.overwrite, "overwrite", false, "")
}

func drainFlags(f *pflag.FlagSet, o *options) {
	selectorFlag(f, o)
	f.BoolVar(&o.ignoreDaemonSet, "ignore-daemonsets", false, "")
	f.BoolVar(&o.deleteEmptyDir, "delete-emptydir-data", false, "")
	f.BoolVar(&o.disableEviction, "disable-eviction", false, "")
	f.BoolVar(&o.force, "force", false, "")
	f.Int64Var(&o.gracePeriod, "grace-period", -1, "")
	f.DurationVar(&o.timeout, "timeout", 0, "")
}
