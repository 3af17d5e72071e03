//! conf: the settings that count.

use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn conf(&self) -> String {
        let (config, measures) = (&self.server.config, &self.server.measures);
        let shown = &config.shown;
        format!(
            "clientPort={}\nsecureClientPort={}\ndataDir={}\ndataDirSize={}\ndataLogDir={}\ndataLogSize={}\n\
             tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\n\
             clientPortListenBacklog={}\nserverId={}\n",
            shown.client_port,
            shown.secure_client_port,
            shown.data_dir,
            measures.data_dir_bytes,
            shown.data_log_dir,
            measures.log_dir_bytes,
            config.tick_time.as_ms(),
            config.connections_per_address_max,
            config.timeout_ms_min(),
            config.timeout_ms_max(),
            shown.listen_backlog,
            config.server_id,
        )
    }
}
