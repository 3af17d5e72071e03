//! One replica of one partition: its log, leader epochs, producers and high watermark.
