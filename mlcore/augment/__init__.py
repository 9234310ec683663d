"""Augmentation that moves the picture and its geometry together. Light: numpy and cv2."""
