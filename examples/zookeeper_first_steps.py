from zookeeper import ZooKeeper

zk = ZooKeeper('localhost:2181')
zk.create('/test', b'data', ephemeral=True)
data = zk.get('/test')
print(data)
zk.set('/test', b'new_data')
zk.delete('/test', recursive=True)
zk.close()
