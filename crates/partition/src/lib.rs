//! What one replica of one partition must hold: producers, epochs, high watermark.
