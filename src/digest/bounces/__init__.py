"""What comes back: delivery reports, complaints, unsubscribe mails. Read, judged, settled; nothing is believed."""
