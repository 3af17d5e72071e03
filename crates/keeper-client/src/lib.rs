//! A ZooKeeper client: a pure session core and a blocking face.
