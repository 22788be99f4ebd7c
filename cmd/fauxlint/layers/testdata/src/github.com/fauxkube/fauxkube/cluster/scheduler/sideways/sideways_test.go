package sideways

import _ "github.com/fauxkube/fauxkube/cluster/etcd" // Tests put several parts together.
