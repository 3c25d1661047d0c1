"""Brain MRI of multiple sclerosis: how much synthetic lesions help, where patients are few."""
