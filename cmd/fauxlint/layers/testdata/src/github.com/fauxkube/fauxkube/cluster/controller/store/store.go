package store

import _ "github.com/fauxkube/fauxkube/cluster/etcd" // want `only the API server talks to the store`
